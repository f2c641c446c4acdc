// A doubly linked list whose links belong to its members: to enter or leave allocates nothing and takes
// constant time, wherever the member stands. All links have one shape, so that code shared by lists of
// different members stays fast.
import { assert } from '#src/base/assert.ts';

/**
 * A member's place in a list, made once with the member. A member that is in several lists at a time has one
 * for each.
 */
export class ListLink<Member> {
  readonly member: Member;
  /** The list that the member is in, null when in none. This and the next two are the list's to write. */
  list: IntrusiveList<Member> | null;
  previous: ListLink<Member> | null;
  next: ListLink<Member> | null;

  constructor(member: Member) {
    this.member = member;
    this.list = null;
    this.previous = null;
    this.next = null;
  }
}

export class IntrusiveList<Member> {
  /** Where a walk over the members begins; it goes on with `next`. */
  first: ListLink<Member> | null;
  last: ListLink<Member> | null;
  length: number;

  constructor() {
    this.first = null;
    this.last = null;
    this.length = 0;
  }

  /** Puts a member that is in no list behind all others. */
  add(link: ListLink<Member>): void {
    assert(link.list === null, 'a link is in one list at a time');
    const { last } = this;
    link.list = this;
    link.previous = last;
    if (last === null) this.first = link;
    else last.next = link;
    this.last = link;
    this.length++;
  }

  /** Takes a member of this list out of it. */
  remove(link: ListLink<Member>): void {
    assert(link.list === this, 'only members leave a list');
    const { previous, next } = link;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next === null) this.last = previous;
    else next.previous = previous;
    link.list = null;
    link.previous = null;
    link.next = null;
    this.length--;
  }

  /** Takes the first member out and returns it; null when there is none. */
  removeFirst(): Member | null {
    const { first } = this;
    if (first === null) return null;
    this.remove(first);
    return first.member;
  }

  /** As removeFirst, with the last. */
  removeLast(): Member | null {
    const { last } = this;
    if (last === null) return null;
    this.remove(last);
    return last.member;
  }
}
