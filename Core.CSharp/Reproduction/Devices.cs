using TorchSharp;
using static TorchSharp.torch;

namespace Reproduction;

/// <summary>Where tensors live, by name.</summary>
public static class Devices
{
    /// <summary>The device of a name.</summary>
    /// <param name="name">cpu or cuda.</param>
    /// <exception cref="UserError">There is no such device here.</exception>
    public static Device Named(string name)
    {
        TorchRuntime.Require();
        switch (name)
        {
            case "cpu":
                return torch.CPU;
            case "cuda" when torch.cuda.is_available():
                return torch.CUDA;
            case "cuda":
                throw new UserError(
                    $"{ApiName.Device} cuda: libtorch {TorchRuntime.LibtorchVersion} sees no CUDA device; build with "
                        + $"'dotnet build -p:Torch=cuda' on a "
                        + $"machine that has one, or use {ApiName.Device} cpu"
                );
            default:
                throw new UserError($"{ApiName.Device} '{name}': the devices are cpu and cuda", exitCode: 2);
        }
    }
}
