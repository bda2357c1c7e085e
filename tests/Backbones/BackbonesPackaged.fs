/// The network that comes with the program: found, told and used where no weights are given.
module Reproduction.Tests.BackbonesPackaged

open System
open System.Collections.Generic
open System.CommandLine
open System.IO
open Expecto
open TorchSharp
open Reproduction
open Reproduction.Backbones
open Reproduction.Formats
open Repro.Verbs
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Papers
open Reproduction.Papers.Gaussian
open Reproduction.Tests.Bench

let private name = PackagedWeights.Name
let private backbone = lazy (Backbone.Load PackagedWeights.File)

/// What a verb returns and prints.
let private run (verb: Command) (arguments: string list) =
    use output = new StringWriter()
    use errors = new StringWriter()
    let parsed = verb.Parse(List.toArray arguments)
    let code = parsed.Invoke(InvocationConfiguration(Output = output, Error = errors, EnableDefaultExceptionHandler = false))
    Expect.equal (code, [ for error in parsed.Errors -> error.Message ]) (0, []) "it succeeds"
    output.ToString()

let private taken = "weights: resnet18_cntk (MIT), which comes with the program, sha256 e2552f19db2d..."

let private packaged =
    testList "without weights" [
        testCase "the sidecar says what the file and the catalogue are"
        <| fun () ->
            let file = PackagedWeights.File
            Expect.equal file.Sha256 (WeightsFile.Hash file.Path) "sha256"
            Expect.equal file.Licence "MIT" "licence"
            Expect.equal file.Architecture name "architecture"
            Expect.equal (string file.Preprocessing) (string (Architecture.Get name).Preprocessing) "preprocessing"

        testCase "a folder's own file comes first, the packaged one stands in for what names it, and runs unasked only without a folder"
        <| inFolder (fun at ->
            let folder = at ""

            use none = new BackboneProvider(null, torch.CPU)
            Expect.equal [ none.Has name; none.Has $"{name}/layer4"; none.Has "resnet18" ] [ true; true; false ] "without a folder"
            use empty = new BackboneProvider(folder, torch.CPU)
            Expect.isFalse (empty.Has name) "not unasked"
            Expect.equal (empty.Get name).WeightsSha256 (nonNull (none.Sha256Of name)) "but by name"
            Expect.equal (empty.Sha256Of name) (none.Sha256Of name) "and its hash"
            let error = Expect.throwsC (fun () -> none.Get "resnet18" |> ignore) id
            Expect.stringContains error.Message "take resnet18_cntk, which comes with the program" "the way out"

            SafeTensors.Write(Path.Combine(folder, $"{name}.safetensors"), backbone.Value.StateDict false)
            use full = new BackboneProvider(folder, torch.CPU)
            Expect.isTrue (full.Has name) "the folder's"
            let found = (full.Get name).WeightsSha256
            Expect.notEqual found ((none.Get name).WeightsSha256) "is another file"
            Expect.equal (full.Sha256Of name) found "of its own hash"
            Expect.isFalse (PackagedWeights.Are(name, found)) "and not called the packaged one")

        testCase "features, weights list and inspect know it"
        <| inFolder (fun at ->
            let folder = at ""

            use _ = torch.NewDisposeScope()
            let picture, out = Path.Combine(folder, "i.png"), Path.Combine(folder, "f.safetensors")
            let image = Image(40, 40, 3, Array.init (40 * 40 * 3) (fun i -> byte (i * 37)))
            ImageFile.Write(picture, image)

            run (FeaturesVerb.Create()) [ "--backbone"; name; "--layers"; "layer3,avgpool"; "--image"; picture; "--out"; out ]
            |> ignore

            let struct (found, metadata) = SafeTensors.Read out
            Expect.equal metadata["weights_sha256"] (nonNull PackagedWeights.File.Sha256) "sha256"

            let pixels = torch.tensor(Array.map float32 image.Pixels).reshape(1L, 40L, 40L, 3L).permute(0L, 3L, 1L, 2L) / 255f.ToScalar()

            let expected = backbone.Value.Forward(pixels, [| "avgpool" |])[0]
            Expect.isLessThan ((found["avgpool"] - expected).abs().max().item<float32>()) 1e-5f "avgpool"

            let error =
                Expect.throwsC
                    (fun () -> run (FeaturesVerb.Create()) [ "--backbone"; "vgg19"; "--image"; picture; "--out"; out ] |> ignore)
                    id

            Expect.stringContains error.Message "vgg19 do not come with the program; give their file with --weights" "another network"

            let listed = run (WeightsVerb.Create()) [ "list"; "--weights"; folder ]
            Expect.stringContains listed "resnet18_cntk.onnx" "the file"
            Expect.stringContains listed "MIT, comes with the program" "what it is"
            let inspected = run (WeightsVerb.Create()) [ "inspect"; name ]
            Expect.stringContains inspected "Onnx, 110 tensors" "the format"
            Expect.stringContains inspected "layer4 (512), avgpool (512)" "the layers")

        testCase "fit, score and run take it and say so"
        <| fun () ->
            use sandbox = new ReproProcess.Sandbox()
            let photographs = Path.Combine(sandbox.Data, "woven", "train", "good")
            let model, scored = Path.Combine(sandbox.Root, "m"), Path.Combine(sandbox.Root, "scored")
            let fitted = run (FitVerb.Create()) [ "--method"; "gaussian"; "--train"; photographs; "--folds"; "2"; "--out"; model ]
            Expect.stringContains fitted "gaussian resnet18_cntk-mahalanobis" "the variant"
            Expect.stringContains fitted taken "fit says so"
            Expect.stringContains (run (ScoreVerb.Create()) [ photographs; "--model"; model; "--out"; scored ]) taken "score says so"
            Expect.isTrue (File.Exists(Path.Combine(scored, "scores.csv"))) "scores"

            let ran =
                run (RunVerb.Create()) [
                    "--paper"
                    "gaussian"
                    "--variant"
                    "resnet18_cntk-l2"
                    "--data"
                    sandbox.Data
                    "--out"
                    sandbox.Run
                ]

            Expect.stringContains ran taken "run says so"
            let record = Directory.GetFiles(Path.Combine(sandbox.Run, "runs"), "*.json")[0] |> File.ReadAllText
            Expect.stringContains record "\"resnet18_cntk\"" "the record names it"

        testCase "the methods' variants ask for layers that it has"
        <| fun () ->
            let request variant = Request(variant, Profile.Quick, "bottle", "mvtec")
            let hfae = Hfae.HfaeMethod().Settings(request name)
            let dfr = Dfr.DfrMethod().Settings(request name)
            let favae = Favae.FavaeMethod().Settings(request name)
            let gaussian = (GaussianMethod().Configure(request $"{name}-npca1") :?> Configuration<GaussianSettings>).Settings
            Expect.equal [ hfae.Network; dfr.Network; favae.Network; gaussian.Network ] (List.replicate 4 name) "networks"

            for layers in [ Seq.ofArray hfae.Layers; dfr.Layers; favae.Layers; gaussian.Layers ] do
                Expect.containsAll backbone.Value.LayerNames layers "layers"

            Expect.equal
                (Dfr.DfrMethod().Settings(request "resnet18").Layers |> List.ofSeq)
                (List.ofSeq dfr.Layers)
                "dfr takes the same layers of torchvision's"

        testCase "dfr trains and scores on it"
        <| fun () ->
            use _ = torch.NewDisposeScope()
            use backbones = new BackboneProvider(null, torch.CPU)
            let resources = Resources(Backbones = backbones, Features = UncachedFeatures(), Device = torch.CPU)
            let images = InMemory.RandomImages(5, 64)
            use detector = (Registry.Find "dfr").Configure($"{name}+image_size=64", Profile.Smoke, "bottle", "mvtec").Create resources
            let facts = detector.Fit(images, FitContext(Seed = 0))
            Expect.equal facts["channels"] 512.0 "64 + 64 + 128 + 256"
            use scores = detector.Score(ImageBatch.All images)
            Expect.equal (List.ofArray (nonNull scores.Map).shape) [ 5L; 1L; 64L; 64L ] "a map an image"
            Expect.isTrue (scores.Image.isfinite().all().item<bool>()) "finite scores"
    ]

[<Tests>]
let tests = testSequenced <| testList "backbones packaged" [ packaged ]
