// Sets the theme before the first paint; a module would come too late.
(() => {
  try {
    const theme = JSON.parse(localStorage.getItem("gradwalk:settings") ?? "{}").theme;
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden or spoilt: the system's theme stays.
  }
})();
