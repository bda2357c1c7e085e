/// `repro features` and `repro weights` as their users call them.
module Reproduction.Tests.BackbonesVerbs

open System
open System.Collections.Generic
open System.CommandLine
open System.IO
open Expecto
open TorchSharp
open Reproduction
open Repro.Verbs
open Reproduction.Backbones
open Reproduction.Formats
open Reproduction.Imaging

/// What a verb returns and prints.
let private run (verb: Command) (arguments: string list) =
    use output = new StringWriter()
    use errors = new StringWriter()
    let configuration = InvocationConfiguration(Output = output, Error = errors, EnableDefaultExceptionHandler = false)
    let parsed = verb.Parse(List.toArray arguments)
    parsed.Invoke configuration, output.ToString(), [ for error in parsed.Errors -> error.Message ]

let private features arguments = run (FeaturesVerb.Create()) arguments
let private weights arguments = run (WeightsVerb.Create()) arguments

/// A folder with random weights of ResNet-18 as resnet18.safetensors.
let private inFolder test =
    let folder = Directory.CreateTempSubdirectory "verbs-"

    try
        use _ = torch.NewDisposeScope()
        use backbone = Backbone.Random("resnet18", 1)
        let path = Path.Combine(folder.FullName, "resnet18.safetensors")
        SafeTensors.Write(path, backbone.StateDict(fold = false))
        test backbone folder.FullName path
    finally
        folder.Delete true

let private image = Image(24, 20, 3, Array.init (24 * 20 * 3) (fun i -> byte (i * 37)))

let private pixels (image: Image) =
    torch.tensor(Array.map float32 image.Pixels).reshape(1L, int64 image.Height, int64 image.Width, 3L).permute(0L, 3L, 1L, 2L)
    / 255f.ToScalar()

let private same (backbone: Backbone) (expected: torch.Tensor[]) (layers: string list) path =
    let struct (found, metadata) = SafeTensors.Read path
    Expect.equal (set found.Keys) (set layers) "the layers"
    Expect.equal metadata["architecture"] backbone.Architecture "the metadata"

    for layer, features in Seq.zip layers expected do
        Expect.isLessThan ((found[layer] - features).abs().max().item<float32>()) 1e-5f layer

[<Tests>]
let tests =
    testSequenced
    <| testList "backbones verbs" [
        testCase "features of an array, fed as it is"
        <| fun () ->
            inFolder (fun backbone folder weights ->
                let array, out = Path.Combine(folder, "x.npy"), Path.Combine(folder, "f.safetensors")
                let values = Array.init (2 * 3 * 33 * 32) (fun i -> float32 (i % 17) - 8f)
                Npy.Write<float32>(array, ReadOnlySpan values, ReadOnlySpan [| 2; 3; 33; 32 |])

                let code, _, errors =
                    features [ "--backbone"; "resnet18"; "--weights"; weights; "--layers"; "layer1,stem"; "--input"; array; "--out"; out ]

                Expect.equal (code, errors) (0, []) "it succeeds"
                let layers = [ "layer1"; "stem" ]
                same backbone (backbone.ForwardRaw(torch.tensor(values).reshape(2L, 3L, 33L, 32L), List.toArray layers)) layers out)

        testCase "features of an image, preprocessed, all layers, at its size and resized"
        <| fun () ->
            inFolder (fun backbone folder weights ->
                let file, out = Path.Combine(folder, "i.png"), Path.Combine(folder, "f.safetensors")
                ImageFile.Write(file, image)

                for size, resized in [ [], image; [ "--size"; "40" ], Resizer.Resize(image, 40, 40, Resampling.BilinearAntialias) ] do
                    let code, _, _ = features ([ "--backbone"; "resnet18"; "--weights"; weights; "--image"; file; "--out"; out ] @ size)
                    Expect.equal code 0 "it succeeds"
                    same backbone (backbone.Forward(pixels resized, backbone.LayerNames)) (List.ofSeq backbone.LayerNames) out)

        testCase "features wants an image or an array, and a size for an image only"
        <| fun () ->
            let needed = [ "--backbone"; "resnet18"; "--weights"; "w.pth"; "--out"; "f.safetensors" ]

            for further, word in
                [
                    [], "one of --image"
                    [ "--image"; "a.png"; "--input"; "x.npy" ], "one of --image"
                    [ "--input"; "x.npy"; "--size"; "9" ], "--size"
                    [ "--image"; "a.png"; "--size"; "0" ], "--size"
                ] do
                let errors = [ for error in (FeaturesVerb.Create().Parse(List.toArray (needed @ further))).Errors -> error.Message ]
                Expect.isTrue (errors |> List.exists (fun (error: string) -> error.Contains word)) $"{further}: {errors}"

        testCase "features of an array that holds no images"
        <| fun () ->
            inFolder (fun _ folder weights ->
                let array = Path.Combine(folder, "x.npy")
                Npy.Write<float32>(array, ReadOnlySpan(Array.zeroCreate 64), ReadOnlySpan [| 1; 1; 8; 8 |])

                let failing () =
                    features [ "--backbone"; "resnet18"; "--weights"; weights; "--input"; array; "--out"; Path.Combine(folder, "f") ]
                    |> ignore

                Expect.throwsC failing (fun error -> Expect.stringContains error.Message "[1,1,8,8]" "the shape"))

        testCase "weights list, verify and inspect"
        <| fun () ->
            inFolder (fun _ folder path ->
                let _, listed, _ = weights [ "list"; "--weights"; folder ]
                Expect.stringContains listed "resnet18.safetensors" "the file"
                let code, verified, _ = weights [ "verify"; "--weights"; folder ]
                Expect.equal code 0 "sound"
                Expect.stringContains verified "ok, sha256 unknown, resnet18 up to layer4" "what was checked"
                let _, inspected, _ = weights [ "inspect"; path ]

                for words in [ "layer4.1.conv2.weight"; "[512, 512, 3, 3]"; "layer4 (512)" ] do
                    Expect.stringContains inspected words "what it holds"

                File.WriteAllText(
                    WeightsFile.Describe(path).SidecarPath,
                    $$"""{"architecture": "resnet18", "sha256": "{{WeightsFile.Hash path}}"}"""
                )

                let _, verified, _ = weights [ "verify"; path ]
                Expect.stringContains verified "sha256 agrees" "the sidecar's sha256")

        testCase "weights verify tells the unsound files from the sound"
        <| fun () ->
            inFolder (fun _ folder path ->
                let other = Path.Combine(folder, "resnet18-00000000.safetensors")
                File.Copy(path, other)
                use output = new StringWriter()
                let verify = WeightsVerb.Create().Parse [| "verify"; "--weights"; folder |]
                let configuration = InvocationConfiguration(Output = output, EnableDefaultExceptionHandler = false)

                Expect.throwsC (fun () -> verify.Invoke configuration |> ignore) (fun error ->
                    Expect.stringContains error.Message "1 of 2" "the count")

                Expect.stringContains (output.ToString()) $"FAILED {other}: its sha256 is" "which and why"
                Expect.stringContains (output.ToString()) $"{path}: ok" "the sound one")

        testCase "weights fetch of a network that nobody publishes"
        <| fun () ->
            Expect.throwsC (fun () -> weights [ "fetch"; "vgg19_16x" ] |> ignore) (fun error ->
                Expect.stringContains error.Message "resnet18" "those that are")
    ]
