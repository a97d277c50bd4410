"""Request sequences of clients, written after their sources, with small pictures."""

SIZE = {"width": 64, "height": 64, "steps": 2}

# src/endpoints/stable-diffusion.js: posts its whole body, foreign keys included.
SILLYTAVERN = [
    ("GET", "/sdapi/v1/options", None), ("GET", "/sdapi/v1/upscalers", None),
    ("GET", "/sdapi/v1/latent-upscale-modes", None), ("GET", "/sdapi/v1/sd-vae", None),
    ("GET", "/sdapi/v1/samplers", None), ("GET", "/sdapi/v1/schedulers", None), ("GET", "/sdapi/v1/sd-models", None),
    ("POST", "/sdapi/v1/options", {"sd_model_checkpoint": "sd1"}), ("GET", "/sdapi/v1/progress", None),
    ("POST", "/sdapi/v1/txt2img", {
        "url": "http://localhost:7860", "auth": "", "prompt": "an apple", "negative_prompt": "", "sampler_name": "Euler a",
        "scheduler": "karras", "cfg_scale": 7, **SIZE, "restore_faces": False, "enable_hr": False,
        "hr_upscaler": "Latent", "hr_scale": 2, "hr_additional_modules": [], "denoising_strength": 0.7,
        "hr_second_pass_steps": 0, "seed": -1, "override_settings": {"CLIP_stop_at_last_layers": 1, "sd_vae": "Automatic"},
        "override_settings_restore_afterwards": True, "clip_skip": 1, "save_images": True, "send_images": True,
        "do_not_save_grid": False, "do_not_save_samples": False})]

# backend/open_webui/routers/images.py
OPEN_WEBUI = [
    ("GET", "/sdapi/v1/options", None), ("GET", "/sdapi/v1/sd-models", None),
    ("POST", "/sdapi/v1/txt2img", {"prompt": "an apple", "batch_size": 1, **SIZE, "negative_prompt": "blurry"})]

# src/BuiltinExtensions/AutoWebUIBackend: LoRAs in the prompt, sampler lists at connect.
SWARMUI = [
    ("GET", "/sdapi/v1/samplers", None), ("GET", "/sdapi/v1/options", None), ("GET", "/sdapi/v1/sd-models", None),
    ("POST", "/sdapi/v1/options", {"sd_model_checkpoint": "sd1.safetensors"}),
    ("POST", "/sdapi/v1/txt2img", {"prompt": "an apple", "negative_prompt": "", "seed": 7, "subseed": -1, **SIZE,
                                   "cfg_scale": 7, "subseed_strength": 0, "sampler_name": "Euler",
                                   "override_settings": {}})]

# index.html of lite.koboldai.net: legacy settings, whole numbers as floats.
KOBOLDAI_LITE = [
    ("GET", "/sdapi/v1/sd-models", None), ("GET", "/sdapi/v1/options", None),
    ("POST", "/sdapi/v1/txt2img", {
        "prompt": "an apple", "seed": 5, "n": 1, "sampler_name": "Euler a", "batch_size": 1, "n_iter": 1, "cfg_scale": 7.0,
        **SIZE, "do_not_save_grid": True, "do_not_save_samples": True,
        "override_settings": {"sd_model_checkpoint": "sd1", "eta_noise_seed_delta": 0.0,
                              "CLIP_stop_at_last_layers": 1.0, "ddim_discretize": "uniform",
                              "img2img_fix_steps": False, "sd_hypernetwork": "None", "inpainting_mask_weight": 1.0,
                              "initial_noise_multiplier": 1.0, "comma_padding_backtrack": 20.0},
        "enable_hr": False, "eta": 0.0, "s_churn": 0.0, "s_tmax": 0.0, "s_tmin": 0.0, "s_noise": 1.0})]

# The panel polls progress while it draws.
AUTO_PHOTOSHOP = [
    ("GET", "/sdapi/v1/samplers", None), ("GET", "/sdapi/v1/cmd-flags", None), ("GET", "/sdapi/v1/loras", None),
    ("GET", "/sdapi/v1/scripts", None), ("GET", "/sdapi/v1/script-info", None), ("GET", "/controlnet/model_list", None),
    ("GET", "/sdapi/v1/progress?skip_current_image=false", None),
    ("POST", "/sdapi/v1/txt2img", {
        "prompt": "an apple", "negative_prompt": "", **SIZE, "batch_size": 1, "cfg_scale": 7, "seed": -1,
        "restore_faces": False, "enable_hr": False, "denoising_strength": 0.7, "sampler_index": "Euler a",
        "script_args": [], "script_name": None, "alwayson_scripts": {}})]

REPLAYED = {"sillytavern": SILLYTAVERN, "open_webui": OPEN_WEBUI, "swarmui": SWARMUI, "koboldai_lite": KOBOLDAI_LITE,
            "auto_photoshop": AUTO_PHOTOSHOP}
