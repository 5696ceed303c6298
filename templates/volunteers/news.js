{% load static %}// Shows that there is news. It keeps nothing, asks for nothing, and answers for no page.
"use strict";

self.addEventListener("install", function () { self.skipWaiting(); });

self.addEventListener("push", function (event) {
  var said = {};
  try { said = event.data.json(); } catch (problem) { /* It says less, but it shows. */ }
  event.waitUntil(self.registration.showNotification(String(said.title || "Notes"), {
    body: String(said.body || ""),
    icon: "{% static 'icon.png' %}",
    dir: "auto",
    // One at a time, however much there is; and each is heard.
    tag: "news",
    renotify: true
  }));
});

self.addEventListener("notificationclick", function (event) {
  event.notification.close();
  event.waitUntil(self.clients.openWindow("/board/"));
});
