/// Feature maps against PyTorch's and torchvision's: features.tsv, written by tests/golden/backbones/make_features.py.
module Reproduction.Tests.BackbonesParity

open System
open System.Collections.Generic
open System.IO
open System.Globalization
open Expecto
open TorchSharp
open Reproduction
open Reproduction.Backbones
open Reproduction.Formats

/// The issue's bound: the largest error over the largest value.
let private tolerance = 1e-4

let private golden = Path.Combine(__SOURCE_DIRECTORY__, "..", "golden", "backbones", "features.tsv")

let private hashed name low high count =
    let numbers = SplitMix64.For(0UL, name)
    Array.init count (fun _ -> float32 (low + (high - low) * numbers.NextDouble()))

/// The weight of a name in make_features.py.
let private weight (name: string) (shape: int64[]) =
    let count = int (Array.fold (*) 1L shape)

    let values =
        if shape.Length = 4 then
            let bound = sqrt (6.0 / float (Array.fold (*) 1L shape[1..]))
            hashed name -bound bound count
        elif name.EndsWith "running_var" then
            hashed name 0.25 1.75 count
        elif name.EndsWith "weight" then
            hashed name 0.3 0.9 count
        else
            hashed name -0.3 0.3 count

    torch.tensor(values).reshape shape

/// A checkpoint of the network as its library would publish it, batch norms kept.
let private writeCheckpoint (architecture: string) path =
    use _ = torch.NewDisposeScope()
    let tensors = Dictionary()

    for convolution in Architecture.Get(architecture).Create.Invoke(BorderMode.Zeros).Convolutions do
        let spec = convolution.Spec
        let add name (shape: int64[]) = tensors[name] <- weight name shape
        add $"{spec.Name}.weight" spec.WeightShape

        match spec.Norm with
        | null -> add $"{spec.Name}.bias" [| spec.Out |]
        | norm ->
            // torchvision's VGGs with batch norm are the ones whose convolutions have a bias beside it.
            if architecture.StartsWith "vgg" then add $"{spec.Name}.bias" [| spec.Out |]

            for part in [ "weight"; "bias"; "running_mean"; "running_var" ] do
                add $"{norm}.{part}" [| spec.Out |]

    SafeTensors.Write(path, tensors)

let private number (text: string) = Double.Parse(text, CultureInfo.InvariantCulture)

type private Line = {
    Network: string
    Size: int * int
    Layer: string
    Shape: int64 list
    Mean: float
    MeanAbs: float
    MaxAbs: float
    Values: float[]
}

let private lines =
    lazy
        [
            for line in File.ReadLines golden |> Seq.skip 1 do
                let fields = line.Split '\t'

                {
                    Network = fields[0]
                    Size = int fields[1], int fields[2]
                    Layer = fields[3]
                    Shape = [ for length in fields[4].Split ',' -> int64 length ]
                    Mean = number fields[5]
                    MeanAbs = number fields[6]
                    MaxAbs = number fields[7]
                    Values = Array.map number (fields[8].Split ',')
                }
        ]

let private check (line: Line) (features: torch.Tensor) =
    let where = $"{line.Network} {fst line.Size}x{snd line.Size} {line.Layer}"
    Expect.equal (List.ofArray features.shape) line.Shape $"{where}: shape"
    let flat = features.flatten().``to``(torch.float64)
    let bound = tolerance * line.MaxAbs
    let near found expected what = if not (abs (found - expected) <= bound) then failtest $"{where}: {what} is {found}, expected {expected}"
    near (flat.mean().item<float>()) line.Mean "the mean"
    near (flat.abs().mean().item<float>()) line.MeanAbs "the mean size"
    near (flat.abs().max().item<float>()) line.MaxAbs "the largest size"
    let count = int (flat.numel ())

    for place, expected in Seq.zip (hashed $"{line.Network} {line.Layer}" 0.0 1.0 line.Values.Length) line.Values do
        let at = min (count - 1) (int (float place * float count))
        near (flat[int64 at].item<float>()) expected $"element {at}"

let private parity network =
    testCase network (fun () ->
        let path = Path.Combine(Path.GetTempPath(), $"parity-{Guid.NewGuid():N}.safetensors")

        try
            writeCheckpoint network path
            use backbone = Backbone.Load(path, network)

            for (height, width), lines in lines.Value |> List.filter (fun line -> line.Network = network) |> List.groupBy _.Size do
                use _ = torch.NewDisposeScope()
                let input = torch.tensor(hashed "input" -2.0 2.0 (3 * height * width)).reshape(1L, 3L, int64 height, int64 width)
                let layers = [| for line in lines -> line.Layer |]

                for line, features in Seq.zip lines (backbone.ForwardRaw(input, layers)) do
                    check line features
                // Darknet at a size that its routes cannot join has fewer layers than at a multiple of 32.
                if network <> "yolov3" then Expect.equal (set layers) (set backbone.LayerNames) "every named layer is compared"
        finally
            File.Delete path)

[<Tests>]
let tests =
    testSequenced
    <| testList "backbones parity" [
        for network in [ for architecture in Architecture.All -> architecture.Name ] do
            // The other sizes of timm's two forms differ from these in nothing but what torchvision's cover.
            if lines.Value |> List.exists (fun line -> line.Network = network) then parity network
    ]
