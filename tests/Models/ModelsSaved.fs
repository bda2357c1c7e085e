/// Every method and variant: fitted, saved, loaded by another process, it gives the same scores to the bit; exported, ONNX Runtime gives
/// them to 1e-4.
module Reproduction.Tests.ModelsSaved

open System
open System.IO
open System.Runtime.InteropServices
open Expecto
open Microsoft.ML.OnnxRuntime
open TorchSharp
open Reproduction
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
    | "padim" -> variant + "+image_size=32"
    | "spade" -> variant + "+image_size=32"
    | _ -> variant

/// With REPRO_ALL_VARIANTS set, every variant; without, of `gaussian` and `dfr` all that save another kind of state, over small networks.
let private isTaken method (variant: Variant) =
    not (String.IsNullOrEmpty(Environment.GetEnvironmentVariable "REPRO_ALL_VARIANTS"))
    || match method with
       | "gaussian" -> variant.Network |> isNull || variant.Network = "resnet18"
       | "dfr" -> List.contains variant.Name [ "resnet18"; "paper-f1-8-reflect"; "code-f1-8"; "code-f3-12" ]
       | "favae" -> variant.Network <> "yolov3"
       | "hfae" -> variant.Network <> "wide_resnet50_2" && variant.Network <> "resnet50_v1"
       | _ -> not (variant.Name.StartsWith("wide_resnet50_2", StringComparison.Ordinal))

let private fit (detector: IAnomalyDetector) =
    torch.manual_seed 3L |> ignore

    match detector with
    | :? ISupervisedDetector as supervised ->
        supervised.Fit(images, [| false; true; false; true; false; true |], 2, FitContext(Seed = 3)) |> ignore
    | _ -> detector.Fit(images, FitContext(Seed = 3)) |> ignore

/// The largest difference of two tensors as a share of the largest value of the first.
let private difference (expected: torch.Tensor) (found: torch.Tensor) =
    use _scope = torch.NewDisposeScope()
    ((found - expected).abs().max() / expected.abs().max()).item<float32>() |> float

/// Photographs have bytes; the images in memory have any numbers. Mirrored, they are none that was fitted on: what a method leaves of
/// those may
/// be nothing but rounding.
let private inBytes = {
    new IImages with
        member _.Count = (images :> IImages).Count
        member _.ContentId index = (images :> IImages).ContentId index

        member _.Pixels(indices, size, device) =
            use scope = torch.NewDisposeScope()
            let white = 255.0.ToScalar()
            (images :> IImages).Pixels(indices, size, device).mul(white).round().div(white).flip(3L).MoveToOuterDisposeScope()
}

/// Several images at once, so that the batch's length is free, too. What is trained on labels has no place at a line, and no export.
let private checkExport name (model: ModelFile) (detector: IAnomalyDetector) =
    match detector with
    | :? ISupervisedDetector -> Expect.throwsT<UserError> (fun () -> OnnxExport.Bytes(model, detector) |> ignore) name
    | _ ->
        use _scope = torch.NewDisposeScope()
        use _noGradient = torch.no_grad ()
        let bytes = OnnxExport.Bytes(model, detector)
        let struct (described, exported) = OnnxDetector.Open((fun options -> new InferenceSession(bytes, options)), name)
        use _exported = exported
        Expect.equal described.Variant model.Variant "the description goes along"
        use expected = detector.Score(ImageBatch.All inBytes)
        use found = exported.Score(ImageBatch.All inBytes)
        Expect.isLessThan (difference expected.Image found.Image) 1e-4 $"{name}: scores of ONNX Runtime"

        match Option.ofObj expected.Map, Option.ofObj found.Map with
        | Some here, Some there -> Expect.isLessThan (difference here there) 1e-4 $"{name}: maps of ONNX Runtime"
        | None, None -> ()
        | _ -> failtest $"{name}: only one of the two has a map"

/// Says how many numbers differ, and by how much, where any does.
let private expectSame message (expected: byte[]) (found: byte[]) =
    let floats (bytes: byte[]) = MemoryMarshal.Cast<byte, float32>(ReadOnlySpan bytes).ToArray()

    if not (found.AsSpan().SequenceEqual expected) then
        let pairs = Array.zip (floats expected) (floats found) |> Array.indexed |> Array.filter (fun (_, (here, there)) -> here <> there)
        let index, (here, there) = pairs |> Array.maxBy (fun (_, (here, there)) -> abs (here - there))
        failtest $"{message}: {pairs.Length} of {expected.Length / 4} differ, most number {index}: {here} here, {there} there"

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
                checkExport $"{paper.Id} {variant.Name}" model detector
                variant.Name, scoreBytes detector
        ]

        start folder

        for name, bytes in expected do
            let failed = Path.Combine(folder, name + ".failed")
            if File.Exists failed then failtest $"{paper.Id} {name} cannot be scored by another process: {File.ReadAllText failed}"
            let elsewhere = File.ReadAllBytes(Path.Combine(folder, name + ".scores"))
            expectSame $"{paper.Id} {name}: the same scores to the bit" bytes elsewhere
    finally
        Directory.Delete(folder, true)

[<Tests>]
let tests =
    testSequenced
    <| testList "models in a fresh process" [
        for paper in Registry.Methods ->
            testCase $"{paper.Id}: fitted, saved, loaded by another process, each variant scores the same to the bit" (check paper)
    ]
