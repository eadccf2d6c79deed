// What rows are called: by what they all are, and plainly "row" where they are of several sorts.
const ROW_SORTS = ["task", "thread", "process"];

// The sort of a row, as a bit.
export function sortOf(model, row) {
  return 1 << (model.isThread(row) ? 1 : model.isProcess(row) ? 2 : 0);
}

// `sorts` are the bits of all rows that are meant.
export function nounOf(sorts) {
  return ROW_SORTS.find((_, number) => sorts === 1 << number) ?? (sorts ? "row" : "task");
}
