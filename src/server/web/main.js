// The page: its views, and what they share.
import {ApiError, get} from './api.js';
import {CaptionsView} from './captions.js';
import {ChatView} from './chat.js';
import {h, icon, iconButton, store, translateAll} from './dom.js';
import {errorNote} from './errors.js';
import {watchFiles} from './files.js';
import {loadModels, modelPicker, seeing} from './models.js';
import {memoryBar} from './memory.js';
import {OcrView} from './ocr.js';
import {SearchView} from './search.js';
import {language, onLanguage, setLanguage, text} from './texts.js';

const VIEWS = {
  chat: () => new ChatView(),
  text: () => new OcrView((file) => askAbout([file])),
  captions: () => new CaptionsView(),
  search: () => new SearchView(),
};

const main = document.getElementById('view');
const nav = document.getElementById('nav');
const made = {};
let current = null;

/// The view that the address names.
function nameOfView() {
  const name = location.hash.slice(1);
  return Object.hasOwn(VIEWS, name) ? name : 'chat';
}

function showTitle() {
  const name = nameOfView();
  document.title = name === 'chat' ? 'oko' : `${text(name)} · oko`;
}

/// The view of the address, made when it is first shown.
function show() {
  const name = nameOfView();
  made[name] ??= VIEWS[name]();
  const isChange = current !== null && current !== made[name];
  current = made[name];
  main.replaceChildren(current.root);
  for (const link of nav.children) {
    if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  showTitle();
  if (isChange) main.focus({preventScroll: true});
  current.shown?.();
}

/// Goes to the chat with files.
function askAbout(files) {
  location.hash = '#chat';
  show();
  current.addFiles(files);
}

function themeButton() {
  const root = document.documentElement;
  const button = iconButton('moon', 'theme.dark', () => {
    root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
    store('theme', root.dataset.theme);
    update();
  });
  const update = () => {
    const other = root.dataset.theme === 'dark' ? 'light' : 'dark';
    button.dataset.tLabel = button.dataset.tTitle = `theme.${other}`;
    button.ariaLabel = button.title = text(`theme.${other}`);
    button.replaceChildren(icon(other === 'dark' ? 'moon' : 'sun'));
  };
  update();
  new MutationObserver(update).observe(root, {attributeFilter: ['data-theme']});
  return button;
}

function languageButton() {
  const other = () => (language() === 'ru' ? 'en' : 'ru');
  const button = h('button', {type: 'button', class: 'icon-button words',
    onclick: () => setLanguage(other())});
  const update = () => {
    button.lang = other();
    button.textContent = {en: 'English', ru: 'Русский'}[other()];
  };
  update();
  onLanguage(update);
  return button;
}

const trouble = h('div', {});

/// Looks for models until there is one.
async function look() {
  try {
    await loadModels();
    trouble.replaceChildren();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    trouble.replaceChildren(errorNote(error));
  }
}

translateAll(document);
for (const name of Object.keys(VIEWS)) {
  nav.append(h('a', {href: `#${name}`}, icon(name), h('span', {t: name})));
}
get('/v1/library').catch((error) => { // an oko without search
  if (error.status === 404) nav.querySelector('[href="#search"]').hidden = true;
});
document.getElementById('status').append(trouble, modelPicker(), memoryBar(),
    h('div', {class: 'switches'}, languageButton(), themeButton()));
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault(); // the address names the view
  main.focus();
});
addEventListener('hashchange', show);
addEventListener('focus', () => {
  if (seeing().length === 0) look();
});
watchFiles((files) => (current.addFiles ? current.addFiles(files) : askAbout(files)));
onLanguage(showTitle);
show();
look();
