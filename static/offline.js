// Signed-in pages only: says so when a press reached nobody. Without htmx the browser says it itself.
(function () {
  "use strict";
  function say(kind) {
    var line = document.getElementById("offline");
    if (!line) return;
    line.hidden = !kind;
    line.textContent = kind ? line.dataset[kind] : "";
  }
  document.addEventListener("htmx:sendError", function () { say("offline"); });
  document.addEventListener("htmx:timeout", function () { say("offline"); });
  document.addEventListener("htmx:responseError", function () { say("failed"); });
  document.addEventListener("htmx:beforeSwap", function (event) { if (event.detail.shouldSwap) say(""); });
})();
