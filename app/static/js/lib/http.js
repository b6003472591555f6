// Requests to our own server, as every script makes them: same origin, CSRF token, one kind of error.

/** The server answered, and the answer was no. `data` is its JSON, when it sent any. */
class RequestFailed extends Error {
  constructor(response, data) {
    super(`${response.status} ${response.url}`);
    this.status = response.status;
    this.data = data;
  }
}

function csrfToken() {
  const meta = document.querySelector('meta[name="csrf-token"]');
  return meta ? meta.content : "";
}

async function refuseUnlessOk(response) {
  if (response.ok) {
    return response;
  }
  const isJson = (response.headers.get("Content-Type") || "").includes("json");
  throw new RequestFailed(response, isJson ? await response.json().catch(() => null) : null);
}

/** POSTs fields and resolves to the JSON answer, or null when the answer is empty. `options` are those of fetch(). */
async function post(url, fields, options) {
  const response = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRFToken": csrfToken() },
    body: new URLSearchParams(fields || {}),
    ...options,
  });
  await refuseUnlessOk(response);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/** Resolves to the JSON document at `url`. */
async function json(url) {
  const response = await refuseUnlessOk(await fetch(url, { headers: { Accept: "application/json" } }));
  return response.json();
}

/** Resolves to the page or piece of page at `url`. A parsed document is inert: no script in it runs. */
async function page(url) {
  const response = await refuseUnlessOk(await fetch(url, { headers: { Accept: "text/html" } }));
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/** Sends a form as the browser would, without leaving the page. Resolves to the bare Response. */
function submit(form, options) {
  return fetch(form.action, {
    method: "POST",
    headers: { Accept: "text/html" },
    body: new FormData(form),
    ...options,
  });
}

export { post, json, page, submit };
