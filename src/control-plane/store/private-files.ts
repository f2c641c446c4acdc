// Files and folders that only their owner can read, whatever the umask is: the record names clients and says
// who decided what.
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  statSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import process from 'node:process';

const folderMode = 0o700;
const fileMode = 0o600;
/** What users have who are neither the owner nor of the file's group. */
const othersMask = 0o007;

/**
 * Makes a folder and those above it that are missing, each for its owner alone. Those that are there stay as
 * they are.
 *
 * One by one: where the system refuses a folder with ENOENT, as below /proc, Node's recursive mkdir tries for
 * ever.
 *
 * @throws what mkdir(2) fails with
 */
export function makePrivateFolder(folder: string): void {
  const missing: string[] = [];
  for (let at = resolve(folder); !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const path of missing) {
    mkdirSync(path, folderMode);
    chmodSync(path, folderMode);
  }
}

/**
 * Makes an empty file for its owner alone. From one that is there and ours it takes what others could do with
 * it; what its group can do was somebody's wish and stays.
 *
 * Nothing is opened that is there already: closing any descriptor of a file takes this process' locks on it
 * away (fcntl(2)).
 *
 * @throws what the system fails with
 */
export function makePrivateFile(file: string): void {
  // A link that leads to nothing yet is there too.
  if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) {
    closeToOthers(file);
    return;
  }
  const descriptor = openSync(file, 'wx', fileMode);
  fchmodSync(descriptor, fileMode);
  closeSync(descriptor);
}

/** Takes from others what they can do with a file of ours. Does nothing where there is none. */
export function closeToOthers(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile() || (found.mode & othersMask) === 0) return;
  if (found.uid === process.geteuid?.()) chmodSync(file, fileMode);
}
