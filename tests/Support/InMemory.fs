/// Images and resources that live in memory, for tests of the methods.
module Reproduction.Tests.InMemory

open System
open System.Collections.Generic
open System.IO
open TorchSharp
open Reproduction
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Methods

/// Smooth random images, RGB in 0..1, the same for the same index.
type RandomImages(count: int, side: int) =
    let pixels index =
        use _scope = torch.NewDisposeScope()
        use generator = new torch.Generator(uint64 (index + 1), torch.CPU)
        let noise = torch.rand ([| 1L; 3L; 8L; 8L |], generator = generator)

        torch.nn.functional
            .interpolate(noise, [| int64 side; int64 side |], mode = torch.InterpolationMode.Bilinear, align_corners = Nullable false)
            .MoveToOuterDisposeScope()

    interface IImages with
        member _.Count = count
        member _.ContentId index = $"{index:x16}{side:x4}"

        member _.Pixels(indices, size, device) =
            for index in indices do
                if index < 0 || index >= count then invalidArg (nameof indices) $"there is no image {index} of {count}"

            use _scope = torch.NewDisposeScope()
            let stacked = torch.cat ([| for index in indices -> pixels index |], 0L)

            torch.nn.functional
                .interpolate(
                    stacked,
                    [| int64 size.Height; int64 size.Width |],
                    mode = torch.InterpolationMode.Bilinear,
                    align_corners = Nullable false
                )
                .``to``(device)
                .MoveToOuterDisposeScope()

/// A folder with randomly initialised networks of the given architectures as if they were trained weights.
type RandomResources(architectures: string list) =
    let folder = Directory.CreateTempSubdirectory("reproduction-weights-").FullName

    do
        for architecture in architectures do
            use _scope = torch.NewDisposeScope()
            use backbone = Backbone.Random(architecture, 7)
            SafeTensors.Write(Path.Combine(folder, architecture + ".safetensors"), backbone.StateDict(false))

    let backbones = new BackboneProvider(folder, torch.CPU)

    member _.Folder = folder
    member val Resources = Resources(Backbones = backbones, Features = UncachedFeatures(), Device = torch.CPU)

    interface IDisposable with
        member _.Dispose() =
            (backbones :> IDisposable).Dispose()
            Directory.Delete(folder, true)

/// A state dict of random weights, changed, as a file that goes with the test.
let withWeights architecture (change: Dictionary<string, torch.Tensor> -> unit) (test: string -> unit) =
    let folder = Directory.CreateTempSubdirectory("reproduction-weights-").FullName

    try
        use _scope = torch.NewDisposeScope()
        use backbone = Backbone.Random(architecture, 1, BackboneOptions(Trainable = true))
        let tensors = Dictionary(backbone.StateDict(fold = false))
        change tensors
        let path = Path.Combine(folder, $"{architecture}.safetensors")
        SafeTensors.Write(path, tensors)
        test path
    finally
        Directory.Delete(folder, true)

/// The first of `RandomImages`, `[count,3,side,side]`.
let randomPixels count side = (RandomImages(count, side) :> IImages).Pixels([| 0 .. count - 1 |], ImageSize.Square side, torch.CPU)
