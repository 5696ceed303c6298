// The profile only: lets this browser show that there is news. Where it cannot, nothing of that is on the page.
(function () {
  "use strict";
  var form = document.getElementById("push");
  if (!form || !window.isSecureContext || !("serviceWorker" in navigator)) return;
  if (!("PushManager" in window) || !("Notification" in window)) return;
  var button = form.querySelector("button"), line = form.querySelector("[role=status]");

  function say(kind) {
    line.hidden = !kind;
    line.textContent = kind ? form.dataset[kind] : "";
    button.disabled = false;
  }

  function bytes(text) {
    var raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, function (letter) { return letter.charCodeAt(0); });
  }

  function subscription() {
    return navigator.serviceWorker.getRegistration(form.dataset.scope).then(function (worker) {
      return worker ? worker.pushManager.getSubscription() : null;
    });
  }

  // The hash by which the server names what this browser subscribed to before.
  function mark(found) {
    if (!found) return "";
    return crypto.subtle.digest("SHA-256", new TextEncoder().encode(found.endpoint)).then(function (hash) {
      return Array.from(new Uint8Array(hash), function (byte) {
        return byte.toString(16).padStart(2, "0");
      }).join("");
    });
  }

  // A subscription made before may belong to somebody else, or to an older key: it ends first.
  function subscribe() {
    return navigator.serviceWorker.register(form.dataset.script, { scope: form.dataset.scope }).then(function () {
      return navigator.serviceWorker.ready;
    }).then(function (worker) {
      return worker.pushManager.getSubscription().then(function (old) {
        return old ? old.unsubscribe() : true;
      }).then(function () {
        return worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(form.dataset.key) });
      });
    });
  }

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    say("");
    button.disabled = true;
    Notification.requestPermission().then(function (answer) {
      if (answer !== "granted") return say("refused");
      return subscribe().then(function (made) {
        form.elements.address.value = JSON.stringify(made);
        form.submit();
      });
    }).catch(function () { say("failed"); });
  });

  // "Stop using it" on the card of this browser: it lets go as well, and whatever comes of that, the form leaves.
  function letGo(event) {
    event.preventDefault();
    var leaving = event.target;
    function leave() { leaving.submit(); }
    navigator.serviceWorker.getRegistration(form.dataset.scope).then(function (worker) {
      return worker && worker.pushManager.getSubscription().then(function (found) {
        return found && found.unsubscribe();
      }).then(function () { return worker.unregister(); });
    }).then(leave, leave);
  }

  function show(own) {
    var card = own && document.querySelector('[data-mark="' + own + '"]');
    var without = document.getElementById("no-news");
    if (without) without.hidden = true;
    if (card) {
      card.querySelector("p[hidden]").hidden = false;
      card.querySelector("[data-remove]").addEventListener("submit", letGo);
    }
    form.hidden = Boolean(card) && !("broken" in card.dataset);
  }

  subscription().then(mark).then(show, function () { show(""); });
})();
