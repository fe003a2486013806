// Browsers start no worker for pages that are opened as files. The search of
// such pages runs in a hidden frame instead, behind the same interface.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      // In a worker, `postMessage` is for what goes out.
      frame.srcdoc =
        "<script>receive = postMessage;" +
        'postMessage = (data) => parent.postMessage(data, "*");</script>' +
        `<script src="${url}"></script>`;
      this.ready = new Promise((resolve) => {
        frame.addEventListener("load", () => resolve(frame.contentWindow));
      });
      window.addEventListener("message", ({ source, data }) => {
        if (source === frame.contentWindow) {
          this.dispatchEvent(new MessageEvent("message", { data }));
        }
      });
      document.body.append(frame);
    }
    postMessage(data) {
      this.ready.then((frame) => frame.receive(data, "*"));
    }
  };
}
