// What threads are called: by their names, with the number where another thread has the same name.
export class ThreadNames {
  #names = new Map(); // by the thread's number
  #bearers = new Map(); // how many threads have a name

  constructor(model) {
    for (let row = 0; row < model.count; row++) {
      if (!model.isThread(row)) continue;
      const name = model.name(row);
      this.#names.set(model.columns["task.thread"][row], name);
    }
    for (const name of this.#names.values()) this.#bearers.set(name, (this.#bearers.get(name) ?? 0) + 1);
  }

  // A thread of which there is no row has only its number.
  of(number) {
    const name = this.#names.get(number);
    if (name === undefined) return `thread ${number}`;
    return this.#bearers.get(name) > 1 ? `${name} (thread ${number})` : name;
  }
}
