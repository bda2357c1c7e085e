namespace Reproduction.Data;

/// <summary>Finds out which of the known data sets a folder holds.</summary>
public static class Datasets
{
    /// <summary>
    /// Opens a folder: MVTec layout (a folder of categories or one category: MVTec AD, VisA's one-class layout, Surfaces, one's own),
    /// magnetic tile as published, the four idx files of MNIST or Fashion-MNIST, or CIFAR-10's binary version.
    /// </summary>
    /// <param name="root">The folder.</param>
    /// <param name="seed">Chooses which 80% of magnetic tile's free images are for training; other data sets come with their split.</param>
    /// <exception cref="UserError">The folder does not exist or holds none of these; or a file that must be read to tell is
    /// broken.</exception>
    public static Dataset Open(string root, int seed = 0)
    {
        if (!Directory.Exists(root))
        {
            throw new UserError($"{root}: no such folder; give the folder that holds the data set");
        }

        root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        return MvtecLayout.TryOpen(root)
            ?? MagneticTile.TryOpen(root, seed)
            ?? IdxFiles.TryOpen(root)
            ?? Cifar10.TryOpen(root)
            ?? throw new UserError(
                $"{root}: holds no data set that is known; expected is train/good and test/* (here or one folder deeper), "
                    + "MT_Free and its sister folders, train-images-idx3-ubyte.gz, or data_batch_1.bin"
            );
    }
}
