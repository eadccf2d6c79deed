// What an instruction calls something with, read off the stack before it, as views/call_arguments.py has it: lists of
// pieces, "name=", "*" or "**" before the value, the `self` of a method first.

const FARTHEST_NAMES = 2;
const NULL = "NULL";

export function callArguments(recording, frame) {
  const { code, index, step } = frame;
  const opcode = (at) => recording.word(code.opcode[at]);
  const count = code.arg[index] ?? 0;
  const [, minor] = recording.facts.python.split(".").map(Number);
  const isOld = minor < 13;
  let { stack } = frame;
  let names = [];
  if (!stack.length) return [];
  if (opcode(index) === "CALL_FUNCTION_EX") {
    const given = stack.slice(minor >= 14 || count & 1 ? -2 : -1);
    return given.map((value, at) => ["*".repeat(at + 1), value]).filter(([, value]) => value.text !== NULL);
  }
  if (opcode(index) === "CALL") {
    if (isOld) names = namesBefore(recording, code, index);
  } else if (opcode(index) === "CALL_KW") {
    names = namesIn(recording, stack.at(-1), step);
    stack = stack.slice(0, -1);
  } else return [];
  const first = stack.length - count;
  if (first < 0) return []; // only in a file that somebody has made up
  const given = stack.slice(first).map((value, at) => {
    const name = names[at - (count - names.length)];
    return name === undefined ? [value] : [`${name}=`, value];
  });
  const hasSelf = first > 1 && stack[first - 1].text !== NULL && !(isOld && stack[first - 2].text === NULL);
  return hasSelf ? [[stack[first - 1]], ...given] : given;
}

function namesIn(recording, tuple, step) {
  const held = tuple.object ? (recording.contentsOf(tuple.object, step) ?? []) : [];
  return held.map((value) => (value < 0 ? "" : unquoted(recording.facts.texts[value])));
}

// Until 3.12 the names stand before the call.
function namesBefore(recording, code, index) {
  for (let at = Math.max(index - FARTHEST_NAMES, 0); at < index; at++) {
    const meaning = recording.word(code.meaning[at]);
    if (recording.word(code.opcode[at]) === "KW_NAMES" && !meaning.includes("…")) return meaning.replace(/^[(,)]+|[(,)]+$/g, "").split(", ").map(unquoted);
  }
  return [];
}

const unquoted = (text) => text.replace(/^'+|'+$/g, "");
