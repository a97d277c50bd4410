// Refreshes the page's nodes when plugins change, and lists them in a side panel.
import { app } from "/scripts/app.js";
import { api } from "/scripts/api.js";

async function refreshNodes() {
  await app.extensionManager?.command?.execute?.("Comfy.RefreshNodeDefinitions");
}

// Those that act come first, in the order in which they act.
async function buildsInOrder() {
  const builds = await (await api.fetchApi("/patchbay/plugins")).json();
  const rank = (build) => build.place || Infinity;
  return builds.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
}

let listsAskedFor = 0;

async function draw(element) {
  const list = ++listsAskedFor;
  const builds = await buildsInOrder();
  // An older list may come later.
  if (list !== listsAskedFor) return;
  element.replaceChildren();
  for (const build of builds) {
    const row = document.createElement("div");
    row.className = "patchbay-plugin";
    row.style.cssText = "padding:8px;border-bottom:1px solid #8884";
    const title = document.createElement("b");
    title.textContent = `${build.name || build.id} ${build.version}`;
    const facts = document.createElement("div");
    facts.style.cssText = "font-size:smaller;opacity:.8;overflow-wrap:anywhere";
    const state = build.state.replace("PLUGIN_STATE_", "").toLowerCase();
    facts.textContent = `${build.build.slice(0, 12)} · ${state}` +
      (build.place ? `, number ${build.place} to act` : "") +
      (build.fault_count ? ` · ${build.fault_count} faults: ${build.fault}` : "");
    row.append(title, facts);
    const act = (label, action, query) => {
      const button = document.createElement("button");
      button.textContent = label;
      button.style.cssText = "margin:4px 4px 0 0";
      button.onclick = async () => {
        const answer = await api.fetchApi(
          `/patchbay/plugins/${encodeURIComponent(build.id)}/${action}${query}`, { method: "POST" });
        if (!answer.ok) alert(await answer.text());
        await draw(element);
      };
      row.append(button);
    };
    if (state === "active") {
      if (build.place > 1) act("Act earlier", "move-forward", "");
      act("Roll back", "roll-back", "");
      act("Retire", "retire", "");
    } else {
      act("Activate", "activate", `?build=${build.build}`);
    }
    element.append(row);
  }
  if (!builds.length) element.textContent = "The server has no plugins.";
}

app.registerExtension({
  name: "patchbay.plugins",
  setup() {
    let panel = null;
    app.extensionManager?.registerSidebarTab?.({
      id: "patchbay-plugins",
      icon: "pi pi-bolt",
      title: "Plugins",
      tooltip: "Patchbay plugins",
      type: "custom",
      render: (element) => { panel = element; draw(element); },
    });
    api.addEventListener("patchbay_plugins", async () => {
      await refreshNodes();
      if (panel?.isConnected) await draw(panel);
    });
  },
});
