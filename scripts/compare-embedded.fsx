// What the embedded weights are worth as features: gaussian's Mahalanobis distance with them, with random weights of the same network and
// with
// ImageNet's ResNet-18. Records go to results/extractor/NAME/runs, which are what embedded/README.md quotes.
//   scripts/repro doctor && dotnet fsi scripts/compare-embedded.fsx -- DATA WEIGHTS [CATEGORY ...]
// DATA: a data set's folder. WEIGHTS: a folder with resnet18. Without categories: all. The first command builds what this script loads.
#r "../Core.CSharp/Repro/bin/Release/net10.0/Reproduction.dll"
#r "../Core.CSharp/Repro/bin/Release/net10.0/TorchSharp.dll"

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Text.Json
open Reproduction.Backbones
open Reproduction.Formats

let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, ".."))
NativeLibrary.Load(Path.Combine(root, "Core.CSharp/Repro/bin/Release/net10.0/libLibTorchSharp.so")) |> ignore

let data, weights, categories =
    match List.ofArray fsi.CommandLineArgs |> List.tail with
    | data :: weights :: categories -> data, weights, (if categories.IsEmpty then [] else "--category" :: categories)
    | _ ->
        eprintfn "compare-embedded.fsx: give the folder of a data set and a folder of weights with resnet18"
        exit 2

let random =
    let folder = Directory.CreateTempSubdirectory "random-"
    use network = Backbone.Random("vgg16_quarter", 0)
    SafeTensors.Write(Path.Combine(folder.FullName, "vgg16_quarter.safetensors"), network.StateDict true)
    folder.FullName

for name, variant, folder in
    [
        "embedded", "vgg16_quarter-mahalanobis", Path.Combine(root, "embedded")
        "random", "vgg16_quarter-mahalanobis", random
        "imagenet", "resnet18-mahalanobis", weights
    ] do
    let out = Path.Combine(root, "results", "extractor", name)

    let arguments =
        [
            "run"
            "--paper"
            "gaussian"
            "--variant"
            variant
            "--data"
            data
            "--weights"
            folder
            "--profile"
            "quick"
            "--out"
            out
        ]
        @ categories

    use run = Process.Start(ProcessStartInfo(Path.Combine(root, "scripts", "repro"), arguments, RedirectStandardOutput = true))
    run.StandardOutput.ReadToEnd() |> ignore
    run.WaitForExit()
    if run.ExitCode <> 0 then exit run.ExitCode

    for category, records in
        Directory.GetFiles(Path.Combine(out, "runs"), "*.json")
        |> Seq.groupBy (fun path -> String.concat " " (Path.GetFileName(path).Split('.')[2..3])) do
        let auroc path =
            use record = JsonDocument.Parse(File.ReadAllText path)
            record.RootElement.GetProperty("metrics").GetProperty("image_auroc").GetDouble()

        printfn "%-9s %-16s image AUROC %.4f (mean of %d folds)" name category (Seq.averageBy auroc records) (Seq.length records)

Directory.Delete(random, true)
