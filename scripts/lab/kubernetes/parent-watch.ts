// Preloaded into every pod's process: when the channel to the lab closes, the lab is gone, even by `kill -9`, and its
// API must go too, also while it still waits for its issuer.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
