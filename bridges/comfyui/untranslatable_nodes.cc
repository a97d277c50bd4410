#include "bridges/comfyui/untranslatable_nodes.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace patchbay::comfyui {
namespace {

struct Refusal {
  std::vector<std::string_view> classes;
  std::string_view reason;
};

const std::vector<Refusal>& Refusals() {
  static const auto& refusals = *new std::vector<Refusal>{
      {{"ConditioningCombine", "ConditioningConcat"},
       "This server draws with one positive and one negative text; write both texts into one "
       "prompt."},
      {{"ConditioningSetArea", "ConditioningSetAreaPercentage", "ConditioningSetAreaStrength",
        "ConditioningSetMask", "GLIGENTextBoxApply", "GLIGENLoader"},
       "This server draws the whole picture with one text; it has no texts for regions."},
      {{"ControlNetLoader", "DiffControlNetLoader", "ControlNetApply", "ControlNetApplyAdvanced",
        "ControlNetApplySD3", "SetUnionControlNetType", "ControlNetInpaintingAliMamaApply"},
       "This server has no ControlNets."},
      {{"CLIPVisionLoader", "CLIPVisionEncode", "StyleModelLoader", "StyleModelApply",
        "unCLIPConditioning", "unCLIPCheckpointLoader"},
       "This server has no image encoders for conditioning."},
      {{"IPAdapterUnifiedLoaderFaceID", "IPAdapterInsightFaceLoader", "IPAdapterFaceID"},
       "This server has no network that recognises faces, which FaceID adapters need; use "
       "IPAdapterUnifiedLoader."},
      {{"UpscaleModelLoader", "ImageUpscaleWithModel"},
       "This server has no upscaling models; ImageScale and LatentUpscale enlarge without one."},
      {{"FlipSigmas", "SetFirstSigma", "ExtendIntermediateSigmas", "LaplaceScheduler",
        "VPScheduler", "SDTurboScheduler", "AlignYourStepsScheduler", "GITSScheduler",
        "OptimalStepsScheduler", "ManualSigmas"},
       "This server takes schedules by name; use BasicScheduler and SplitSigmas."},
      {{"SamplerEulerAncestral", "SamplerEulerAncestralCFGPP", "SamplerEulerCFGpp", "SamplerLMS",
        "SamplerDPMPP_SDE", "SamplerDPMPP_2M_SDE", "SamplerDPMPP_3M_SDE",
        "SamplerDPMPP_2S_Ancestral", "SamplerDPMAdaptative", "SamplerER_SDE", "SamplerSASolver",
        "SamplerLCMUpscale"},
       "This server takes samplers by name, with their usual settings; use KSamplerSelect."},
      {{"DualCFGGuider", "PerpNegGuider", "PerpNeg"},
       "This server guides between one positive and one negative text; use CFGGuider."},
      {{"AddNoise"}, "This server adds noise only where it then draws; use KSamplerAdvanced."},
      {{"InpaintModelConditioning"},
       "This server takes what an inpainting model is shown from the latent; use "
       "VAEEncodeForInpaint, or VAEEncode and SetLatentNoiseMask."},
      {{"DifferentialDiffusion"},
       "This server's masks are the same in all steps; use SetLatentNoiseMask, which takes grey."},
      {{"LatentApplyOperation", "LatentApplyOperationCFG", "LatentOperationTonemapReinhard",
        "LatentOperationSharpen"},
       "This server changes latents inside of a sampling through plugins only."},
      {{"CheckpointLoader", "DiffusersLoader", "TripleCLIPLoader", "QuadrupleCLIPLoader"},
       "This server loads whole checkpoints by name; use CheckpointLoaderSimple."},
      {{"ModelMergeSimple", "ModelMergeBlocks", "ModelMergeAdd", "ModelMergeSubtract",
        "CLIPMergeSimple", "CheckpointSave", "CLIPSave", "VAESave", "HypernetworkLoader"},
       "This server draws with checkpoints and LoRAs as they are; it merges none."},
      {{"FreeU", "FreeU_V2", "HyperTile", "PatchModelAddDownscale", "PerturbedAttentionGuidance",
        "SelfAttentionGuidance", "RescaleCFG", "TomePatchModel", "APG", "TCFG", "Mahiro",
        "ModelSamplingDiscrete", "ModelSamplingContinuousEDM", "ModelSamplingContinuousV"},
       "This server changes models through its own plugins; they are the nodes under "
       "\"patchbay\"."},
  };
  return refusals;
}

}  // namespace

std::string WhyNotOffered(const std::string& class_name) {
  for (const Refusal& refusal : Refusals()) {
    const auto& classes = refusal.classes;
    if (std::find(classes.begin(), classes.end(), class_name) != classes.end()) {
      return std::string(refusal.reason);
    }
  }
  return "";
}

}  // namespace patchbay::comfyui
