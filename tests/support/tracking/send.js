// Delivers events of one library: node send.js LIBRARY HOST KEY COUNT SECONDS; prints how many failed.
const [library, host, key, count, seconds] = process.argv.slice(2);
const pause = (Number(seconds) * 1000) / Number(count);

function segment() {
  const { Analytics } = require("@segment/analytics-node");
  const analytics = new Analytics({ writeKey: key, host });
  let failed = 0;
  analytics.on("error", () => { failed += 1; });
  return {
    track: (event) => analytics.track(event),
    identify: (lead) => analytics.identify(lead),
    group: (lead) => analytics.group(lead),
    finish: async () => { await analytics.closeAndFlush(); return failed; },
  };
}

function rudderstack() {
  const RudderAnalytics = require("@rudderstack/rudder-sdk-node");
  let failed = 0;
  const analytics = new RudderAnalytics(key, { dataPlaneUrl: host, logLevel: "none", errorHandler: () => { failed += 1; } });
  return {
    track: (event) => analytics.track(event),
    identify: (lead) => analytics.identify(lead),
    group: (lead) => analytics.group(lead),
    finish: async () => { while (analytics.queue.length) await analytics.flush(); await analytics.pendingFlush; return failed; },
  };
}

async function main() {
  const sender = { segment, rudderstack }[library]();
  const userId = `node ${library}`;
  sender.identify({ userId, traits: { plan: "pro", seats: 7 } });
  sender.group({ userId, groupId: "A-1", traits: { industry: "steel" } });
  for (let number = 0; number < Number(count); number += 1) {
    sender.track({ userId, event: "Demo Requested", properties: { number } });
    if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
  }
  console.log(await sender.finish());
}

main();
