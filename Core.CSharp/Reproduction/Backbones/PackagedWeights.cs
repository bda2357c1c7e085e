namespace Reproduction.Backbones;

/// <summary>
/// The one network whose weights come with the program: an ImageNet ResNet-18 that Microsoft trained with CNTK and publishes, under the
/// MIT licence, in the package Microsoft.ML.DnnImageFeaturizer.ResNet18. A restore brings it, the build puts it beside the program.
/// </summary>
public static class PackagedWeights
{
    /// <summary>
    /// Of the file and of its architecture: torchvision's ResNet-18 but for a third block in its last stage, which CNTK's has, with weights
    /// and a preprocessing of its own.
    /// </summary>
    public const string Name = "resnet18_cntk";

    /// <summary>Where the file is: the folder <c>weights</c> beside the program's library.</summary>
    public static string Folder =>
        Path.Combine(
            typeof(PackagedWeights).Assembly.Location is { Length: > 0 } library
                ? Path.GetDirectoryName(library)!
                : AppContext.BaseDirectory,
            "weights"
        );

    /// <summary>Whether the file is where it belongs.</summary>
    public static bool AreThere => System.IO.File.Exists(FilePath);

    /// <summary>The file, with what its sidecar says.</summary>
    /// <exception cref="UserError">It is not there.</exception>
    public static WeightsFile File =>
        AreThere
            ? WeightsFile.Describe(FilePath)
            : throw new UserError(
                $"{FilePath}: the network that comes with the program is not there; build it again (dotnet restore, then dotnet build)"
            );

    private static string FilePath => Path.Combine(Folder, Name + ".onnx");

    /// <summary>The file, if a name means it: its own or its architecture's.</summary>
    /// <returns>Null for every other network.</returns>
    /// <exception cref="UserError">The name means it, but it is not there.</exception>
    public static WeightsFile? TryFind(string name) => Architecture.Find(name)?.Name == Name ? File : null;

    /// <summary>Whether weights of this name and sha256 are the packaged ones, and not a user's file that is called alike.</summary>
    public static bool Are(string name, string sha256) => name == Name && sha256 == File.Sha256;
}
