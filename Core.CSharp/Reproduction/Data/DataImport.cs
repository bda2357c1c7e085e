using Reproduction.Imaging;

namespace Reproduction.Data;

/// <summary>
/// Writes a category in MVTec layout: what is published in another layout can then be looked at, changed and used elsewhere.
/// </summary>
public static class DataImport
{
    /// <summary>Copies files as they are and writes images that are no files of their own as PNG; masks become STEM_mask.png.</summary>
    /// <param name="category">What to write.</param>
    /// <param name="folder">The category's folder is made in it; files that are there already are overwritten.</param>
    /// <returns>How many images were written.</returns>
    /// <exception cref="UserError">An image cannot be read, two samples would get the same name, or the folder cannot be
    /// written.</exception>
    public static int Write(Category category, string folder)
    {
        var written = new HashSet<string>();
        try
        {
            foreach (var sample in category.Train.Concat(category.Test))
            {
                var split = sample.Id.Split('/')[0];
                var name = sample.IsFile ? Path.GetFileName(sample.Path) : $"{sample.Id.Split('/')[^1]}.png";
                var place = Path.Combine(folder, category.Name, split, sample.Defect);
                Directory.CreateDirectory(place);
                var target = Path.Combine(place, name);
                if (!written.Add(target))
                {
                    throw new UserError($"{target}: two images of {category.Name} would get this name; give the images names that differ");
                }

                if (sample.IsFile)
                {
                    File.Copy(sample.Path, target, overwrite: true);
                }
                else
                {
                    ImageFile.Write(target, sample.Load());
                }

                if (sample is { Label: 1, MaskPath: not null })
                {
                    WriteMask(sample, Path.Combine(folder, category.Name, "ground_truth", sample.Defect), name);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{folder}: cannot be written ({e.Message}); give another folder with {ApiName.ImportFolder}", e);
        }
        return written.Count;
    }

    private static void WriteMask(Sample sample, string place, string imageName)
    {
        Directory.CreateDirectory(place);
        ImageFile.Write(Path.Combine(place, $"{Path.GetFileNameWithoutExtension(imageName)}_mask.png"), sample.LoadWholeMask()!);
    }
}
