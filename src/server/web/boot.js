// Sets theme and language before anything is painted. No module: it must not wait.
'use strict';
(() => {
  const stored = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // a browser may forbid it
    }
  };
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const theme = stored('oko.theme');
    document.documentElement.dataset.theme =
        theme === 'dark' || theme === 'light' ? theme : dark.matches ? 'dark' : 'light';
  };
  apply();
  dark.addEventListener('change', apply);
  const wanted = navigator.languages || [navigator.language];
  const language =
      stored('oko.language') || wanted.find((each) => /^(ru|en)\b/i.test(each)) || 'en';
  document.documentElement.lang = language.slice(0, 2).toLowerCase() === 'ru' ? 'ru' : 'en';
})();
