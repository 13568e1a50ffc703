// What the page asks the server. Errors become ApiError, with words for people.
import {language, text} from './texts.js';
import {h} from './dom.js';

export class ApiError extends Error {
  constructor(message, hint = '', status = 0) {
    super(message);
    this.hint = hint;
    this.status = status;
  }
}

let key = '';
try {
  key = sessionStorage.getItem('oko.key') ?? '';
} catch {
  // Then it is asked for after each reload.
}

let asking = null;

/// Asks for the key of the server, once for all requests that wait for it.
function askForKey(wasWrong) {
  asking ??= new Promise((resolve) => {
    const field = h('input', {type: 'password', id: 'key', autocomplete: 'off', required: true});
    const dialog = h('dialog', {class: 'dialog', 'aria-labelledby': 'key-title'},
        h('form', {method: 'dialog'},
            h('h2', {id: 'key-title', t: 'key.title'}),
            h('p', {t: 'key.lead'}),
            wasWrong ? h('p', {class: 'error-text', role: 'alert', t: 'key.wrong'}) : null,
            h('label', {for: 'key', t: 'key.label'}), field,
            h('button', {class: 'button primary', t: 'key.use'})));
    dialog.addEventListener('close', () => {
      key = field.value.trim();
      try {
        sessionStorage.setItem('oko.key', key);
      } catch {
        // It lasts until the next reload.
      }
      dialog.remove();
      asking = null;
      resolve();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}

/// The error of a body as OpenAI's API or /v1/... of oko have it.
function errorOf(body, status) {
  const error = body?.error ?? {};
  const message = typeof error === 'string' ? error : error.message ?? '';
  if (!message) return new ApiError(text('error.unknown', {status}), '', status);
  if (error.hint) return new ApiError(message, error.hint, status);
  const end = message.indexOf('; ');
  return end < 0 ? new ApiError(message, '', status) :
                   new ApiError(message.slice(0, end), message.slice(end + 2), status);
}

/// The answer to a request, whose status is good. Throws ApiError, or AbortError by `signal`.
export async function request(path, {method, body, signal, accept} = {}) {
  for (;;) {
    const usedKey = key;
    const headers = {'Accept-Language': language()};
    if (accept) headers.Accept = accept;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (usedKey) headers.Authorization = `Bearer ${usedKey}`;
    let response;
    try {
      response = await fetch(path, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        body: body === undefined ? undefined : JSON.stringify(body),
        headers,
        signal,
      });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new ApiError(text('error.offline'), text('error.offline.help'));
    }
    if (response.ok) return response;
    if (response.status === 401) {
      if (key === usedKey) await askForKey(usedKey !== '');
      continue;
    }
    let answer = null;
    try {
      answer = await response.json();
    } catch {
      // It is not of oko, then: the status has to do.
    }
    throw errorOf(answer, response.status);
  }
}

export async function get(path, options) {
  return (await request(path, options)).json();
}

export async function post(path, body, options) {
  return (await request(path, {...options, body})).json();
}

/// The data of server-sent events, as they come.
async function* events(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    rest += decoder.decode(value, {stream: true});
    for (let end; (end = rest.indexOf('\n\n')) >= 0; rest = rest.slice(end + 2)) {
      const line = rest.slice(0, end);
      if (line.startsWith('data: ')) yield line.slice(6);
    }
  }
}

/// Answers of POST /v1/chat/completions piece by piece: {text}, {notes} on pictures, {finish},
/// {usage}.
export async function* streamChat(body, signal) {
  const response = await request('/v1/chat/completions', {
    body: {...body, stream: true, stream_options: {include_usage: true}},
    signal,
  });
  let isWhole = false;
  try {
    for await (const data of events(response)) {
      if (data === '[DONE]') {
        isWhole = true;
        break;
      }
      const object = JSON.parse(data);
      if (object.error) throw errorOf(object, 0);
      const choice = object.choices?.[0];
      if (choice?.delta?.content) yield {text: choice.delta.content};
      if (choice?.notes) yield {notes: choice.notes};
      if (choice?.finish_reason) yield {finish: choice.finish_reason};
      if (object.usage) yield {usage: object.usage};
    }
  } catch (error) {
    if (error instanceof ApiError || error.name === 'AbortError') throw error;
  }
  if (!isWhole) throw new ApiError(text('error.cut'), text('error.cut.help'));
}
