/// Scoring saved models in a process that has not fitted them: `Tests.dll --score FOLDER` does it and writes the scores' bytes.
module Reproduction.Tests.SavedModels

open System
open System.IO
open System.Runtime.InteropServices
open Expecto
open TorchSharp
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Papers
open Reproduction.Tests.InMemory

/// The argument that makes the test program such a process.
[<Literal>]
let Argument = "--score"

/// The images that are fitted and scored.
let images = RandomImages(6, 64)

let private weights folder = Path.Combine(folder, "weights")

/// What a detector is made with, from the weights below `folder`.
let resources folder =
    Directory.CreateDirectory(weights folder) |> ignore
    Resources(Backbones = new BackboneProvider(weights folder, torch.CPU), Features = UncachedFeatures(), Device = torch.CPU)

/// Writes random weights of an architecture.
let writeWeights folder (architecture: string) =
    use _scope = torch.NewDisposeScope()
    use backbone = Backbone.Random(architecture, 7)
    Directory.CreateDirectory(weights folder) |> ignore
    SafeTensors.Write(Path.Combine(weights folder, architecture + ".safetensors"), backbone.StateDict false)

/// Every tensor of the images' scores as bytes: map, image scores, parts, reconstruction.
let scoreBytes (detector: IAnomalyDetector) =
    use _noGradient = torch.no_grad ()
    use scores = detector.Score(ImageBatch.All images)

    let optional (tensor: torch.Tensor | null) = Option.toList (Option.ofObj tensor)

    [|
        for tensor in
            [
                yield! optional scores.Map
                scores.Image
                for part in scores.Parts do
                    part.Value
                    yield! optional scores.Reconstruction
            ] do
            use plain = tensor.cpu().contiguous()
            let values = plain.data<float32>().ToArray()
            yield! MemoryMarshal.AsBytes(ReadOnlySpan values).ToArray()
    |]

/// Scores `*.model` of a folder and writes `*.scores` beside them, or `*.failed` with the reason.
let score folder =
    let resources = resources folder
    use _backbones = resources.Backbones

    for file in Directory.GetFiles(folder, "*.model") do
        let beside extension = nonNull (Path.ChangeExtension(file, extension))

        try
            let struct (_, detector) = ModelFile.Read(file, resources)
            use detector = detector
            File.WriteAllBytes(beside "scores", scoreBytes detector)
        with failure ->
            File.WriteAllText(beside "failed", string failure)

/// Has another process score the models of a folder.
let start (folder: string) =
    let program = Path.Combine(AppContext.BaseDirectory, "Tests.dll")
    AwaitedProcess.succeeds [] folder "dotnet" [ program; Argument; folder ] |> ignore
