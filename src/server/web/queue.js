// Files that are worked on one after another.

/// Calls `work(item)` for each item that is added, at most `width` at once.
export class Queue {
  constructor(width, work) {
    this.width = width;
    this.work = work;
    this.waiting = [];
    this.running = 0;
  }

  add(items) {
    this.waiting.push(...items);
    this.start();
  }

  /// Forgets those that have not begun, and returns them.
  clear() {
    return this.waiting.splice(0);
  }

  start() {
    while (this.running < this.width && this.waiting.length > 0) {
      ++this.running;
      this.work(this.waiting.shift()).finally(() => {
        --this.running;
        this.start();
      });
    }
  }
}
