// A charger on npm's ocpp-rpc in strict mode: every message, either way, is checked against OCPP's schemas.
// Arguments: endpoint, identity, password, idTag. Prints one JSON line for each step; exits with 1 on any violation.

'use strict';

const { RPCClient } = require('ocpp-rpc');

const [endpoint, identity, password, idTag] = process.argv.slice(2);
const say = (step, data) => console.log(JSON.stringify({ step, data }));
const now = () => new Date().toISOString();

function fail(reason) {
    say('failed', String(reason && reason.stack || reason));
    process.exit(1);
}

async function main() {
    const client = new RPCClient({ endpoint, identity, password, protocols: ['ocpp1.6'], strictMode: true, reconnect: false });
    client.on('strictValidationFailure', ({ error }) => fail(error));
    client.on('badMessage', ({ error }) => fail(error));

    const stopped = new Promise((resolve) => {
        client.handle('RemoteStopTransaction', ({ params }) => {
            resolve(params.transactionId);
            return { status: 'Accepted' };
        });
    });

    const wanted = new Promise((resolve) => {
        client.handle('RemoteStartTransaction', ({ params }) => {
            resolve(params);
            return { status: 'Accepted' };
        });
    });

    await client.connect();
    say('boot', await client.call('BootNotification', { chargePointVendor: 'npm', chargePointModel: 'ocpp-rpc' }));
    say('heartbeat', await client.call('Heartbeat', {}));
    say('status', await client.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Preparing' }));
    say('data', await client.call('DataTransfer', { vendorId: 'npm', data: '{}' }));
    say('firmware', await client.call('FirmwareStatusNotification', { status: 'Idle' }));
    say('diagnostics', await client.call('DiagnosticsStatusNotification', { status: 'Idle' }));
    say('authorize', await client.call('Authorize', { idTag }));
    const { connectorId } = await wanted;
    const started = await client.call('StartTransaction', { connectorId, idTag, meterStart: 1000, timestamp: now() });
    const { transactionId } = started;
    const sampledValue = [{ value: '1250', measurand: 'Energy.Active.Import.Register', unit: 'Wh' }];
    const meterValue = [{ timestamp: now(), sampledValue }];
    say('meter', await client.call('MeterValues', { connectorId, transactionId, meterValue }));
    say('started', started);

    const asked = await stopped;
    const end = { transactionId, meterStop: 1500, timestamp: now(), reason: 'Remote', idTag };
    say('ended', { asked, answer: await client.call('StopTransaction', end) });
    await client.close();
}

main().catch(fail);
