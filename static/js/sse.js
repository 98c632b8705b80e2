// Server-sent events out of the body of a response, each as its type and its data.

export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let type = "";
  let data = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data:")) data.push(line.slice(5));
      else if (line.startsWith("event:")) type = line.slice(6);
      else if (line === "") {
        if (data.length) yield { type, data: data.join("\n") };
        [type, data] = ["", []];
      }
    }
  }
}
