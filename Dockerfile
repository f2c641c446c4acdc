# Crossover as a container image. TypeScript runs as it is, so there is nothing to compile; but Node strips no types inside
# node_modules, so the image runs from the source tree and not from an installed package.
#
#   docker build -t crossover .
#   docker run --read-only -p 8000:8000 -v ./crossover.yaml:/etc/crossover/crossover.yaml:ro -v crossover-data:/app/data crossover

# A tag moves; a release names the image by digest: --build-arg NODE_IMAGE=node@sha256:… (CONTRIBUTING.md, Releases).
ARG NODE_IMAGE=node:26-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# The Node that npm scripts use is a development dependency; here the image's own runs everything.
RUN npm ci --omit=dev --no-audit --no-fund --ignore-scripts

FROM ${NODE_IMAGE} AS program
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY src ./src
COPY config ./config
RUN mkdir -p data /etc/crossover && cp config/crossover.yaml /etc/crossover/ && chown node:node data
# What Node makes of the code, for faster starts: made once, here, by a start as the user that it is for.
ENV NODE_COMPILE_CACHE=/app/compile-cache CROSSOVER_LIVEZ=http://127.0.0.1:9900/livez

FROM program AS started
RUN mkdir compile-cache && chown node:node compile-cache
USER node
RUN CROSSOVER_STORE=/tmp/crossover.db bin/crossover serve --config config/crossover.yaml & \
  until node -e "fetch(process.env.CROSSOVER_LIVEZ).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"; \
  do sleep 0.2; done; kill -TERM $! && wait $!

FROM program
# Code and what was made of it belong to root: the user that runs them writes nothing but its data.
COPY --from=started --chown=root:root /app/compile-cache ./compile-cache
USER node
# The rollout's state is all that is ever written; everything else can be mounted read-only.
VOLUME /app/data
# Proxy, and control API; the latter is reachable from outside the container only once the configuration
# puts it on another address than loopback, which needs a token.
EXPOSE 8000 9900
# CROSSOVER_LIVEZ is where the health check finds the control API; set it where the configuration has another port.
ENV CROSSOVER_STORE=/app/data/crossover.db
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.CROSSOVER_LIVEZ).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Drains: stops accepting, finishes what is in flight. Give it the configuration's timeouts.drain (docker stop --time).
STOPSIGNAL SIGTERM
ENTRYPOINT ["/app/bin/crossover"]
CMD ["serve", "--config", "/etc/crossover/crossover.yaml"]
