/// The procedural patterns and the training of the embedded weights on them.
module Reproduction.Tests.Pretraining

open System.IO
open Expecto
open Repro.Studies
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Methods
open Reproduction.Surfaces
open TorchSharp

let private side = 32

let private draw (seed: uint64) (labels: int64 list) =
    use generator = new torch.Generator(seed)
    Patterns.Draw(torch.tensor (List.toArray labels), side, generator)

let private values (tensor: torch.Tensor) = tensor.contiguous().data<float32>().ToArray()

/// Mean strength of the luminance's changes from a pixel to the next, of each image.
let private roughness (images: torch.Tensor) =
    let grey = images.mean [| 1L |]
    let size = int64 side - 1L
    values ((grey.narrow (2, 1L, size) - grey.narrow (2, 0L, size)).abs().mean [| 1L; 2L |])

[<Tests>]
let tests =
    testSequenced
    <| testList "pretraining" [
        testCase "equal seeds draw equal patterns and labels, other seeds other ones" (fun () ->
            use _ = torch.NewDisposeScope()

            let sample (seed: uint64) =
                use generator = new torch.Generator(seed)
                let struct (images, labels) = Patterns.Sample(40L, side, generator)
                values images, labels.data<int64>().ToArray()

            Expect.isTrue (sample 3UL = sample 3UL) "same seed"
            Expect.isFalse (sample 3UL = sample 4UL) "other seed")

        testCase "every class draws pictures in 0..1 that are nowhere flat and never twice the same" (fun () ->
            use _ = torch.NewDisposeScope()

            for label, name in Seq.indexed Patterns.ClassNames do
                let images = draw 1UL [ for _ in 1..4 -> int64 label ]
                Expect.equal (List.ofArray images.shape) [ 4L; 3L; int64 side; int64 side ] name
                let all = values images
                Expect.isTrue (all |> Array.forall (fun value -> value >= 0f && value <= 1f)) $"{name}: range"
                Expect.isTrue (roughness images |> Array.forall (fun value -> value > 0.004f)) $"{name}: flat"
                Expect.equal (all |> Array.chunkBySize (3 * side * side) |> Array.distinct |> Array.length) 4 $"{name}: repeats itself")

        testCase "no class is one of Surfaces' categories" (fun () ->
            let names = Set.ofSeq Patterns.ClassNames
            Expect.equal names.Count Patterns.ClassNames.Count "distinct names"

            Expect.isTrue
                (Set.intersect names (Set.ofSeq (SurfacesDataset.CategoryNames |> Seq.map (fun name -> name.Replace('_', ' '))))
                 |> Set.isEmpty)
                "disjoint")

        testCase "all classes are equally likely" (fun () ->
            use _ = torch.NewDisposeScope()
            use generator = new torch.Generator(5UL)
            let struct (_, labels) = Patterns.Sample(4000L, 8, generator)
            let counts = labels.data<int64>().ToArray() |> Array.countBy id
            Expect.equal counts.Length Patterns.ClassNames.Count "every class occurs"
            let expected = 4000.0 / float Patterns.ClassNames.Count

            Expect.isTrue
                (counts |> Array.forall (fun (_, count) -> abs (float count - expected) < 6.0 * sqrt expected))
                "all classes are equally likely")

        testCase "training writes weights that load again, a sidecar and a record" (fun () ->
            let folder = Directory.CreateTempSubdirectory "pretraining-"

            try
                let settings = PretrainingSettings(Seed = 2, Steps = 2, BatchSize = 4, ImageSide = side, HeldOut = 8)
                let result = Pretraining.Run(settings, folder.FullName, FitContext(Seed = 2))
                let file = (Weights.Open folder.FullName).Find "vgg16_quarter"
                Expect.equal (Option.ofObj file.Sha256) (Some result.Sha256) "sha256 in the sidecar"
                Expect.equal (WeightsFile.Hash file.Path) result.Sha256 "sha256 of the file"
                Expect.isLessThan (FileInfo(file.Path).Length) 4_000_000L "size"
                use backbone = Backbone.Load file
                Expect.equal backbone.Architecture "vgg16_quarter" "architecture"

                use record =
                    System.Text.Json.JsonDocument.Parse(File.ReadAllText(Path.Combine(folder.FullName, "vgg16_quarter.record.json")))

                let recorded = record.RootElement.GetProperty "held_out_accuracy"

                for level in settings.Levels do
                    Expect.equal (recorded.GetProperty(level).GetDouble()) result.Accuracy[level] level

                Expect.isFalse (File.Exists(file.Path + ".checkpoint")) "checkpoint is left"
            finally
                folder.Delete true)

        testCase "an interrupted training goes on to the weights of an undisturbed one" (fun () ->
            let run (folder: string) stopAfter =
                use stop = new System.Threading.CancellationTokenSource()
                let settings = PretrainingSettings(Seed = 1, Steps = 4, BatchSize = 4, ImageSide = side, HeldOut = 4)
                let progress = System.Action<int64, int64, string>(fun finished _ _ -> if finished = stopAfter then stop.Cancel())
                Pretraining.Run(settings, folder, FitContext(Seed = 1, Progress = progress, Cancellation = stop.Token))

            let whole, parts = Directory.CreateTempSubdirectory "pretraining-", Directory.CreateTempSubdirectory "pretraining-"

            try
                let undisturbed = run whole.FullName 99L
                Expect.throwsT<System.OperationCanceledException> (fun () -> run parts.FullName 2L |> ignore) "stopped"
                Expect.equal (run parts.FullName 99L).Sha256 undisturbed.Sha256 "weights"
            finally
                whole.Delete true
                parts.Delete true)

        testCase "one batch is learnt by heart" (fun () ->
            use _ = torch.NewDisposeScope()
            let settings = PretrainingSettings(Seed = 0, BatchSize = 8, ImageSide = side)
            use network = new PatternClassifier(settings)
            network.train true
            let images, labels = draw 9UL [ 0L .. 7L ], torch.arange (8L, dtype = torch.ScalarType.Int64)
            use optimizer = torch.optim.Adam(network.parameters (), 2e-3)

            let step () =
                use _ = torch.NewDisposeScope()
                optimizer.zero_grad ()
                let deepest = network.Classify(network.Backbone, images) |> Array.last
                let loss = torch.nn.functional.cross_entropy (deepest, labels)
                loss.backward ()
                optimizer.step () |> ignore
                loss.item<float32>()

            let losses = [ for _ in 1..30 -> step () ]
            Expect.isGreaterThan losses.Head 2.5f "nothing is known at first"
            Expect.isLessThan (List.last losses) 0.1f "after 30 steps")
    ]
