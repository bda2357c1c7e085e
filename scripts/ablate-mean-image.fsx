// What the packaged ResNet-18 is to be fed at sizes other than 224: it was trained on images less a mean image of 224 x 224 (in the same
// package, not copied into the program). gaussian's image AUROC with that image, resized, and with its channel means only; beside them
// torchvision's ResNet-18. All training images in one fit, Mahalanobis distance, the mean over levels 1-4 (which a torchvision file without
// layer4 has) and 1-5.
//   dotnet fsi scripts/ablate-mean-image.fsx
//     prints what was measured, results/extractor/mean-image.csv
//   dotnet fsi scripts/ablate-mean-image.fsx -- DATA WEIGHTS CATEGORY ... [--write]
//     measures and prints; --write also writes the file
// DATA: MVTec AD's folder. WEIGHTS: a folder with resnet18. scripts/repro doctor builds what this script loads.
#r "../Core.CSharp/Repro/bin/Release/net10.0/Reproduction.dll"
#r "../Core.CSharp/Repro/bin/Release/net10.0/TorchSharp.dll"

open System
open System.IO
open System.Runtime.InteropServices
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Methods
open Reproduction.Metrics
open Reproduction.Papers
open TorchSharp

let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, ".."))
let table = Path.Combine(root, "results", "extractor", "mean-image.csv")

let data, weights, categories =
    match fsi.CommandLineArgs |> List.ofArray |> List.tail |> List.filter (fun word -> word <> "--" && word <> "--write") with
    | words when words |> List.exists (fun word -> word = "--help" || word = "-h") ->
        File.ReadLines(Path.Combine(__SOURCE_DIRECTORY__, "ablate-mean-image.fsx"))
        |> Seq.takeWhile _.StartsWith("//")
        |> Seq.iter (fun line -> printfn "%s" (line.Substring(2).Trim()))

        exit 0
    | [] when File.Exists table && (File.ReadAllLines table).Length > 1 ->
        printf "%s" (File.ReadAllText table)
        exit 0
    | [] ->
        eprintfn
            "ablate-mean-image: %s has no row: nothing was measured yet; give MVTec AD's folder, a folder of weights and categories"
            table

        exit 1
    | data :: weights :: categories when not categories.IsEmpty -> data, weights, categories
    | _ ->
        eprintfn "ablate-mean-image: give MVTec AD's folder, a folder of weights with resnet18, and categories; --help tells"
        exit 2

NativeLibrary.Load(Path.Combine(root, "Core.CSharp/Repro/bin/Release/net10.0/libLibTorchSharp.so")) |> ignore

/// Blue, green, red; 0..255; 224 x 224.
let meanImage =
    let packages =
        match Environment.GetEnvironmentVariable "NUGET_PACKAGES" with
        | null
        | "" -> Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".nuget", "packages")
        | folder -> folder

    let model = "tools/DnnImageModels/ResNetPrepOnnx/ResNetPreprocess.onnx"
    let versions = Directory.GetDirectories(Path.Combine(packages, "microsoft.ml.dnnimagefeaturizer.resnet18"))
    use file = Checkpoint.Open(Path.Combine(Array.last versions, model))
    file.Entries |> Seq.find (fun entry -> entry.Name = "MeanImage") |> _.ToTensor()

/// Pooled features of images less the mean image at their size, or less the backbone's own means.
let features (subtractsImage: bool) = {
    new IFeatures with
        member _.Get(batch, backbone, layers, size, _) =
            use _ = torch.no_grad ()

            let chunks = [|
                for chunk in batch.Chunks 16 do
                    use _ = torch.NewDisposeScope()
                    let images = chunk.Pixels(size, torch.CPU)

                    let maps =
                        if subtractsImage then
                            let sides = [| int64 size.Height; int64 size.Width |]

                            let mean =
                                torch.nn.functional.interpolate (
                                    meanImage,
                                    sides,
                                    mode = torch.InterpolationMode.Bilinear,
                                    align_corners = Nullable false
                                )

                            backbone.ForwardRaw(images.flip (1L) * 255f.ToScalar() - mean, layers)
                        else
                            backbone.Forward(images, layers)

                    [| for map in maps -> map.mean([| 2L; 3L |]).MoveToOuterDisposeScope() |]
            |]

            [| for layer in 0 .. layers.Count - 1 -> torch.cat ([| for chunk in chunks -> chunk[layer] |], 0L) |]
}

let auroc (labels: byte[]) (scores: float32[]) = Roc.Auroc(ReadOnlySpan scores, ReadOnlySpan labels).Value.Value

let rows = [
    for name in categories do
        let category = Datasets.Open(data).Category name
        let labels = [| for sample in category.Test -> byte sample.Label |]

        for network, mean, size in
            [
                for size in [ 224; 256 ] do
                    "resnet18_cntk", "means", size
                    "resnet18_cntk", "image", size
                "resnet18", "means", 224
            ] do
            use _ = torch.NewDisposeScope()
            use backbones = new BackboneProvider(weights, torch.CPU)
            let resources = Resources(Backbones = backbones, Features = features (mean = "image"), Device = torch.CPU)
            let gaussian = Registry.Find "gaussian"
            let configuration = gaussian.Configure($"{network}-mahalanobis+image_size={size}", Profile.Paper, name, "mvtec")
            use detector = configuration.Create resources
            detector.Fit(SampleImages category.Train, FitContext(Seed = 0)) |> ignore
            use scores = detector.Score(ImageBatch.All(SampleImages category.Test))

            let over (levels: int list) =
                let parts = [
                    for level in levels do
                        match scores.Parts.TryGetValue $"level_{level}" with
                        | true, part -> part
                        | _ -> ()
                ]

                if parts.Length < levels.Length then
                    ""
                else
                    sprintf "%.4f" (auroc labels (torch.stack(List.toArray parts).mean([| 0L |]).data<float32>().ToArray()))

            let row = String.Join(",", [ network; mean; string size; name; over [ 1..4 ]; over [ 1..5 ] ])
            printfn "%s" row
            row
]

if rows.IsEmpty then
    eprintfn "ablate-mean-image: nothing was measured, and nothing is written"
    exit 1

if Array.contains "--write" fsi.CommandLineArgs then
    File.WriteAllLines(table, "network,mean,size,category,levels_1_4,levels_1_5" :: rows)
    printfn "%s" table
