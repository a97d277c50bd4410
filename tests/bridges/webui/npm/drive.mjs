// Calls every method of the unmodified package "stable-diffusion-api" that a server can answer, and prints what came of it.
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const { StableDiffusionApi } = require("stable-diffusion-api");
const sharp = require("sharp");

const [host, port] = process.argv.slice(2);
const client = new StableDiffusionApi({ host, port: Number(port), timeout: 120000 });
const size = { width: 64, height: 64, steps: 2, seed: 3 };
const picture = () => sharp({ create: { width: 64, height: 64, channels: 3, background: { r: 200, g: 40, b: 40 } } }).png();
const white = () => sharp({ create: { width: 64, height: 64, channels: 3, background: "white" } }).png();

const seen = {};
const drawn = await client.txt2img({ prompt: "an apple", ...size, batch_size: 2 });
seen.txt2img = await Promise.all(drawn.images.map(async (image) => (await image.metadata()).width));
seen.seeds = drawn.info.all_seeds ?? JSON.parse(drawn.info).all_seeds;
const second = await client.img2img({ init_images: [picture()], prompt: "a bird", ...size });
seen.img2img = (await second.image.metadata()).height;
const inpainted = await client.img2img({ init_images: [picture()], mask_image: white(), prompt: "a bird", ...size });
seen.inpainting = (await inpainted.image.metadata()).height;
seen.extra = (await (await client.extraSingle({ image: picture(), upscaler_1: "Lanczos", upscaling_resize: 2 })).image
  .metadata()).width;
for (const name of ["getOptions", "getProgress", "getCmdFlags", "getSamplers", "getUpscalers", "getSdModels",
  "getHypernetworks", "getFaceRestorers", "getRealesrganModels", "getPromptStyles", "refreshCheckpoints",
  "getCurrentModel"]) {
  const answer = await client[name]();
  seen[name] = answer === null ? "null" : typeof answer;
}
await client.setOptions({ CLIP_stop_at_last_layers: 1 });
seen.models = await client.ControlNet.getModels();
await client.waitForReady(0.1);
console.log(JSON.stringify(seen));
