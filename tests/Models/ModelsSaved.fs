/// Every method and variant: fitted, saved, loaded by another process, it gives the same scores to the bit.
module Reproduction.Tests.ModelsSaved

open System
open System.IO
open Expecto
open TorchSharp
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Papers
open Reproduction.Tests.SavedModels

/// Settings that make a fit short and change nothing of what is saved.
let private short method (variant: string) =
    match method with
    | "favae" -> variant + "+images_per_epoch=8+batch_size=4"
    | "hfae" -> variant + "+batch_size=3"
    | "dfr" -> variant + "+image_size=64"
    | "gaussian" when not (variant.StartsWith("ae-", StringComparison.Ordinal)) -> variant + "+image_size=64"
    | _ -> variant

/// With REPRO_ALL_VARIANTS set, every variant; without, of `gaussian` and `dfr` all that save another kind of state, over small networks.
let private isTaken method (variant: Variant) =
    not (String.IsNullOrEmpty(Environment.GetEnvironmentVariable "REPRO_ALL_VARIANTS"))
    || match method with
       | "gaussian" -> variant.Network |> isNull || variant.Network = "vgg16_quarter" || variant.Name = "resnet18-mahalanobis"
       | "dfr" -> List.contains variant.Name [ "embedded"; "paper-f1-8-reflect"; "code-f1-8"; "code-f3-12" ]
       | "favae" -> variant.Network <> "yolov3"
       | "hfae" -> variant.Network <> "wide_resnet50_2" && variant.Network <> "resnet50_v1"
       | _ -> true

let private fit (detector: IAnomalyDetector) =
    torch.manual_seed 3L |> ignore

    match detector with
    | :? ISupervisedDetector as supervised ->
        supervised.Fit(images, [| false; true; false; true; false; true |], 2, FitContext(Seed = 3)) |> ignore
    | _ -> detector.Fit(images, FitContext(Seed = 3)) |> ignore

let private architecture (network: string) = network.Split('/')[0]

/// Fits and saves all variants of a method, scores them here and in another process, and names those that differ.
let private check (paper: IMethod) () =
    let folder = Directory.CreateTempSubdirectory("reproduction-models-").FullName

    try
        let variants = [
            for variant in paper.Variants do
                if isTaken paper.Id variant then variant
        ]

        for network in variants |> List.choose (fun variant -> Option.ofObj variant.Network) |> List.map architecture |> List.distinct do
            writeWeights folder network

        let resources = resources folder
        use _backbones = resources.Backbones

        let expected = [
            for variant in variants ->
                use _scope = torch.NewDisposeScope()
                let configuration = paper.Configure(short paper.Id variant.Name, Profile.Smoke, "bottle", "test")
                use detector = configuration.Create resources
                fit detector
                let file = Path.Combine(folder, variant.Name + ".model")
                let model = ModelFile(paper.Id, variant.Name, configuration.ToJson(), [], 0.5, Nullable 0.5, "none", 6)
                model.Write(file, detector.Save())
                variant.Name, scoreBytes detector
        ]

        start folder

        for name, bytes in expected do
            let failed = Path.Combine(folder, name + ".failed")
            if File.Exists failed then failtest $"{paper.Id} {name} cannot be scored by another process: {File.ReadAllText failed}"
            let elsewhere = File.ReadAllBytes(Path.Combine(folder, name + ".scores"))
            Expect.isTrue (elsewhere.AsSpan().SequenceEqual bytes) $"{paper.Id} {name}: the same scores to the bit"
    finally
        Directory.Delete(folder, true)

[<Tests>]
let tests =
    testSequenced
    <| testList "models in a fresh process" [
        for paper in Registry.Methods ->
            testCase $"{paper.Id}: fitted, saved, loaded by another process, each variant scores the same to the bit" (check paper)
    ]
