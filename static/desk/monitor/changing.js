// A dialog's fields that change one order or one position: what the OMS would refuse stands beside its
// field while it is typed, and the same values sent again are the same command.
import {asResult, check, draft, give, inWords, tellResult} from "../act.js";

const CHECK_AFTER_MS = 300;

// inputs, errors: nodes by field. read: what was changed, or null where a field cannot be read. fieldIn:
// which field a refusal is about. first: the field that is told what is about none of them.
export function changing(row, {command, id, inputs, errors, first, read, fieldIn, done}) {
  const drafts = new Map();
  let timer = null;
  let asking = null;

  const asked = (payload) => draft(command, {...id, ...payload}, row);

  function wrong(name, text) {
    const field = name in inputs ? name : first;
    errors[field].textContent = text;
    inputs[field].setAttribute("aria-invalid", "true");
  }

  function right(name) {
    errors[name].textContent = "";
    inputs[name].setAttribute("aria-invalid", "false");
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(look, CHECK_AFTER_MS);
  }

  async function look() {
    const payload = read();
    if (!payload || !Object.keys(payload).length) return;
    asking?.abort();
    asking = new AbortController();
    try {
      const result = await check(asked(payload), {signal: asking.signal});
      if (!result.ok) wrong(fieldIn(result.error), inWords(result.error).text);
    } catch (error) {
      if (error.name !== "AbortError") wrong(first, inWords(asResult(error).error).text);
    }
  }

  // What the dialog's button does; true when it may close.
  async function go(api) {
    clearTimeout(timer);
    const payload = read();
    if (!payload) return false;
    if (!Object.keys(payload).length) return true;
    const name = JSON.stringify(payload);
    if (!drafts.has(name)) drafts.set(name, asked(payload));
    const result = await give(drafts.get(name));
    if (!result.ok) {
      drafts.delete(name);
      wrong(fieldIn(result.error), inWords(result.error).text);
      api.error(inWords(result.error).more);
      return false;
    }
    tellResult(result, done);
    return true;
  }

  return {wrong, right, soon, go};
}
