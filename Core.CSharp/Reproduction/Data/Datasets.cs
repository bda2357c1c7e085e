namespace Reproduction.Data;

/// <summary>Finds out which of the known data sets a folder holds.</summary>
public static class Datasets
{
    /// <summary>
    /// Opens a folder: MVTec layout (a folder of categories or one category: MVTec AD, MVTec LOCO, BTAD, VisA's one-class layout, Surfaces,
    /// one's own), VisA, KolektorSDD, KolektorSDD2 and magnetic tile as published, the four idx files of MNIST or Fashion-MNIST, CIFAR-10's
    /// binary version, or one product with a folder a kind.
    /// </summary>
    /// <param name="root">The folder.</param>
    /// <param name="seed">Chooses which 80% of the good images are for training where a data set comes without a split.</param>
    /// <exception cref="UserError">The folder does not exist or holds none of these; or a file that must be read to tell is
    /// broken.</exception>
    public static Dataset Open(string root, int seed = 0)
    {
        if (!Directory.Exists(root))
        {
            throw new UserError($"{root}: no such folder; give the folder that holds the data set");
        }

        root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        return Kolektor.TryOpen(root, seed)
            ?? MvtecLayout.TryOpen(root)
            ?? Visa.TryOpen(root)
            ?? MagneticTile.TryOpen(root, seed)
            ?? IdxFiles.TryOpen(root)
            ?? Cifar10.TryOpen(root)
            ?? KindFolders.TryOpen(root, seed)
            ?? throw new UserError(
                $"{root}: holds no data set that is known; expected is train/good and test/* (here or one folder deeper), good "
                    + $"beside folders "
                    + "of defects, or a data set as it is published ('repro data list' names them)"
            );
    }
}
