"use strict";
(function () {
  var failed = Array.prototype.slice.call(document.querySelectorAll("[data-failed]"));
  var scenarios = Array.prototype.slice.call(document.querySelectorAll("details.scenario"));
  var told = document.getElementById("told");
  var at = -1;

  // A link may lead into what is folded.
  function reveal(target) {
    for (var node = target; node; node = node.parentElement) {
      if (node.tagName === "DETAILS") { node.open = true; }
    }
  }

  function follow() {
    var target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) {
      reveal(target);
      target.scrollIntoView();
    }
  }

  function step(by) {
    if (!failed.length) {
      told.textContent = "every scenario passed";
      return;
    }
    at = at < 0 && by < 0 ? failed.length - 1 : (at + by + failed.length) % failed.length;
    var target = failed[at];
    reveal(target);
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
    told.textContent = (at + 1) + " of " + failed.length + " that did not pass: " + target.getAttribute("data-failed");
  }

  function all(open) {
    scenarios.forEach(function (scenario) { scenario.open = open; });
  }

  window.addEventListener("hashchange", follow);
  document.addEventListener("click", function (event) {
    var link = event.target.closest ? event.target.closest("a") : null;
    var href = link ? link.getAttribute("href") : null;
    // The same link twice changes no hash.
    if (href && href === location.hash) { follow(); }
  });
  document.addEventListener("keydown", function (event) {
    var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (typing || event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (event.key === "n") { step(1); }
    if (event.key === "p") { step(-1); }
  });
  document.getElementById("next").addEventListener("click", function () { step(1); });
  document.getElementById("previous").addEventListener("click", function () { step(-1); });
  document.getElementById("open-all").addEventListener("click", function () { all(true); });
  document.getElementById("close-all").addEventListener("click", function () { all(false); });
  document.getElementById("keys").hidden = false;

  var wanted = document.getElementById("wanted");
  if (wanted) {
    document.getElementById("filter").hidden = false;
    var rows = Array.prototype.slice.call(document.querySelectorAll("#inventory tbody tr"));
    wanted.addEventListener("input", function () {
      var words = wanted.value.toLowerCase().split(/\s+/);
      var found = 0;
      rows.forEach(function (row) {
        var text = row.textContent.toLowerCase();
        row.hidden = !words.every(function (word) { return text.indexOf(word) >= 0; });
        found += row.hidden ? 0 : 1;
      });
      document.getElementById("found").textContent = found + " of " + rows.length;
    });
  }
  if (location.hash) { follow(); }
})();
