"use strict";
(function () {
  var main = document.getElementById("main");
  var page = main.getAttribute("data-page");
  var status = document.getElementById("status");
  var LOGGED = 200;

  // As the server writes it: what does not show, or turns the direction of what follows, is written out.
  function visible(text) {
    return String(text).replace(/[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}]/gu, function (c) {
      return "\u27e8U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "\u27e9";
    });
  }

  function element(name, text, className) {
    var made = document.createElement(name);
    made.textContent = visible(text);
    if (className) { made.className = className; }
    return made;
  }

  // Listens while the page is seen: a browser has few connections for all pages of a server. Returns what ends it.
  function follow(address, hear, again) {
    var source = null;
    var over = false;
    function open() {
      source = new EventSource(address());
      Object.keys(hear).forEach(function (name) { source.addEventListener(name, hear[name]); });
    }
    function close() {
      if (source) { source.close(); }
      source = null;
    }
    document.addEventListener("visibilitychange", function () {
      if (over) { return; }
      if (document.hidden) { close(); return; }
      if (!source) { open(); again(); }
    });
    if (!document.hidden) { open(); }
    return function () { over = true; close(); };
  }

  // The list draws itself again when something has changed; what was chosen stays chosen.
  function list() {
    var busy = false;
    var again = false;
    function chosen(name) { return document.querySelector("input[name=" + name + "]:checked"); }
    function replace(text) {
      var fresh = new DOMParser().parseFromString(text, "text/html").getElementById("listing");
      var old = document.getElementById("listing");
      if (!fresh) { return; }
      ["before", "after"].forEach(function (name) {
        var kept = chosen(name);
        fresh.querySelectorAll("input[name=" + name + "]").forEach(function (input) {
          input.checked = Boolean(kept) && input.value === kept.value;
        });
      });
      var details = old.querySelector("details");
      if (details && fresh.querySelector("details")) { fresh.querySelector("details").open = details.open; }
      old.replaceWith(document.adoptNode(fresh));
    }
    function draw() {
      if (busy) { again = true; return; }
      busy = true;
      fetch(location.href).then(function (answer) {
        return answer.ok ? answer.text() : Promise.reject(new Error(answer.statusText));
      }).then(replace).catch(function () { /* the next change tries again */ }).then(function () {
        busy = false;
        if (again) { again = false; draw(); }
      });
    }
    var end = follow(changes, { changed: draw, begun: draw, trouble: function () { end(); } }, draw);
  }

  function changes() { return "/changes"; }

  function next() {
    status.textContent = "Waiting for one to begin.";
    var end = follow(changes, {
      begun: function (message) {
        var live = JSON.parse(message.data).live;
        if (live) { location.replace(live); }
      },
      trouble: function (message) {
        end();
        status.textContent = visible("This page cannot wait: " + JSON.parse(message.data));
      }
    }, function () {});
  }

  function live() {
    var events = document.getElementById("events");
    var done = document.getElementById("done");
    var red = document.getElementById("red");
    var rows = new Map();
    document.querySelectorAll("tr[data-case]").forEach(function (row) {
      rows.set(row.dataset.case + "\n" + row.dataset.line, row.lastElementChild);
    });
    var ended = Number(done.textContent);

    function state(scenario, word, className) {
      var cell = rows.get(scenario.case + "\n" + scenario.line);
      if (cell) { cell.replaceChildren(element("span", word, "badge " + className)); }
    }
    function log(at, text) {
      var entry = element("li", at.slice(11, 19) + " " + text);
      events.prepend(entry);
      while (events.children.length > LOGGED) { events.lastElementChild.remove(); }
    }
    function note(text, className) {
      document.getElementById("notes").append(element("p", text, "note " + className));
    }
    function named(scenario) { return scenario.case + " line " + scenario.line; }

    var hear = {
      "run-started": function () { location.reload(); },
      "run-resumed": function () { location.reload(); },
      "scenario-started": function (event) {
        state(event.scenario, "under way", "under-way");
        log(event.at, named(event.scenario) + " begins");
      },
      "step-finished": function (event) {
        var step = event.step;
        var met = step.outcome === "met" ? "met" : step.outcome + ": " + (step.actual || step.reason || step.error || "");
        log(event.at, named(event.scenario) + ": " + step.text + ": " + met);
      },
      "scenario-finished": function (event) {
        var word = event.verdict.charAt(0).toUpperCase() + event.verdict.slice(1);
        state(event.scenario, word, event.verdict);
        ended += 1;
        done.textContent = ended;
        document.getElementById("progress").value = ended;
        if (event.verdict !== "pass") { red.textContent = Number(red.textContent) + 1; }
        log(event.at, named(event.scenario) + " ended: " + word);
      },
      "runner-fault": function (event) { note("Fault of the harness: " + event.error, "error"); },
      "run-interrupted": function (event) { note("Interrupted by " + event.by, "inconclusive"); },
      "run-finished": function (event) { log(event.at, "every scenario has ended; the reports are drawn"); }
    };

    document.getElementById("log").hidden = false;
    var address = main.getAttribute("data-events");
    var end = follow(function () { return address; }, {
      record: function (message) {
        var event = JSON.parse(message.data);
        // From here it goes on when the page is seen again.
        address = address.replace(/from=\d+$/, "from=" + message.lastEventId);
        if (Object.hasOwn(hear, event.event)) { hear[event.event](event); }
      },
      end: function (message) {
        var told = JSON.parse(message.data);
        end();
        status.textContent = visible(told.told);
        var link = element("a", told.report ? "Open the report" : "Open its files");
        link.href = main.getAttribute("data-open");
        document.getElementById("leads").replaceChildren(link);
      },
      trouble: function (message) {
        end();
        note(JSON.parse(message.data), "error");
      }
    }, function () {});
  }

  if (page === "list") { list(); }
  if (page === "next") { next(); }
  if (page === "live" && main.hasAttribute("data-events")) { live(); }
})();
