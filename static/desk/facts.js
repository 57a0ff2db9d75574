// What the server told this page when it was opened: who, which accounts, which settings.
export const facts = JSON.parse(document.getElementById("desk-facts").textContent);

const server = Date.parse(facts.now) - Date.now();

// Milliseconds of the server's clock; ages of prices are measured by it.
export const now = () => Date.now() + server;

export const account = (id) => facts.accounts.find((each) => each.id === id);

// Whether the session's key, and its role, have a right on an account: "can_trade", …
export const may = (accountId, right) => Boolean(account(accountId)?.rights.includes(right));

export const strategy = (id) => facts.strategies.find((each) => each.id === id);

// "paper" for an exchange that an operator has put elsewhere, "testnet", or "".
export const markOf = (one) => (one?.rebased_to ? "paper" : one?.is_testnet ? "testnet" : "");

// The cookie's, which a log-in in another tab renews; the page's where the browser shows none.
function token() {
  const found = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie);
  return found ? found[1] : document.getElementById("main").dataset.csrf;
}

// Asks REST with the session: the address without its first slash. Answers the body; a refusal is
// thrown with code, message, details and request_id.
export async function rest(address, {method = "GET", body, signal} = {}) {
  const headers = {Accept: "application/json"};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRFToken"] = token();
  let answer;
  try {
    answer = await fetch(facts.data + address, {
      method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal({code: "unreachable", message: String(error.message), details: {}});
  }
  const text = await answer.text();
  let told = null;
  try {
    told = text ? JSON.parse(text) : null;
  } catch { /* Not ours: a proxy's page. */ }
  if (!answer.ok && !told?.results) {
    throw new Refusal(told ?? {code: "unreachable", message: `HTTP ${answer.status}`, details: {}});
  }
  return told;
}

// The error body of REST as something to throw.
export class Refusal extends Error {
  constructor(body) {
    super(body.message);
    this.code = body.code;
    this.details = body.details ?? {};
    this.requestId = body.request_id ?? "";
  }
}
