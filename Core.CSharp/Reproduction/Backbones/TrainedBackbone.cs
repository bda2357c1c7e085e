using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Reproduction.Backbones;

/// <summary>Training of a backbone as part of a module.</summary>
internal static class TrainedBackbone
{
    /// <summary>
    /// Makes a trainable backbone's parameters and batch norm statistics the module's own, as <c>backbone_NAME</c>, so that optimisers and
    /// checkpoints of the module hold them.
    /// </summary>
    public static void RegisterBackbone(this nn.Module module, Backbone backbone)
    {
        foreach (var (name, value) in backbone.StateDict(fold: false))
        {
            var key = "backbone_" + name.Replace('.', '_');
            if (value is Parameter parameter)
            {
                module.register_parameter(key, parameter);
            }
            else
            {
                module.register_buffer(key, value);
            }
        }
    }
}
