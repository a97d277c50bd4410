// Refreshes the page's nodes when the Patchbay host's plugins or models change, and has a setting for its address.
import { app } from "/scripts/app.js";
import { api } from "/scripts/api.js";

async function refreshNodes() {
  await app.extensionManager?.command?.execute?.("Comfy.RefreshNodeDefinitions");
}

app.registerExtension({
  name: "patchbay.nodes",
  settings: [{
    id: "patchbay.host",
    name: "Patchbay host (address:port)",
    type: "text",
    defaultValue: "",
    tooltip: "Empty: 127.0.0.1:50051, or what the server's environment says in PATCHBAY_HOST.",
  }],
  setup() {
    api.addEventListener("patchbay_plugins", refreshNodes);
  },
});
