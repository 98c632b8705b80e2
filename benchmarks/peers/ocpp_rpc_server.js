// The peer: npm's ocpp-rpc in strict mode, answering MeterValues and Heartbeat and storing nothing.
const { RPCServer } = require(process.argv[2] + "/ocpp-rpc");
const server = new RPCServer({ protocols: ["ocpp1.6"], strictMode: true });
server.auth((accept) => accept());
server.on("client", (client) => {
  client.handle("Heartbeat", () => ({ currentTime: new Date().toISOString() }));
  client.handle("MeterValues", () => ({}));
});
server.listen(Number(process.argv[3]), "127.0.0.1");
