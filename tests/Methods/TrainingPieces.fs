/// What trainings share: batches of shuffled epochs, the best state so far, checkpoints of several models, images in memory.
module Reproduction.Tests.TrainingPieces

open System
open System.Collections.Generic
open Expecto
open TorchSharp
open Reproduction.Data
open Reproduction.Methods

let private context = FitContext(Seed = 3)

type private Store() =
    member val Kept: DetectorState | null = null with get, set

    interface ICheckpoints with
        member _.Due = true
        member store.Save state = store.Kept <- state
        member store.Load() = store.Kept

let private linear (value: float) =
    let layer = torch.nn.Linear(1L, 1L)
    torch.nn.init.constant_ (layer.weight, value) |> ignore
    layer

let private weight (layer: Modules.Linear) = layer.weight.item<float32>()

[<Tests>]
let tests =
    testSequenced
    <| testList "training pieces" [
        testCase "batches are the epoch's order cut in pieces, with the last one or without"
        <| fun () ->
            for partial, perEpoch in [ true, 4; false, 3 ] do
                let batches = ShuffledBatches(context, 11, 3, partial)
                Expect.equal batches.PerEpoch perEpoch "batches an epoch"

                for epoch in [ 0; 1; 0 ] do
                    let seen = [ for step in 0 .. perEpoch - 1 -> batches.At(int64 (epoch * perEpoch + step)) ]
                    let order = context.Shuffle(11, int64 epoch)
                    Expect.sequenceEqual (Array.concat seen) (if partial then order else order[..8]) $"epoch {epoch}"
                    Expect.equal (batches.Epoch(int64 (epoch * perEpoch + perEpoch - 1))) epoch "number of the epoch"

        testCase "the best state comes back, and patience ends after so many losses that are no better"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use layer = linear 1.0
            use kept = new EarlyStopping(layer, torch.ScalarType.Float64)
            let set (value: float) = torch.nn.init.constant_ (layer.weight, value) |> ignore
            kept.Restore()
            Expect.equal (weight layer) 1f "nothing was best yet"

            let answers = [
                for value, loss in [ 2.0, 0.5; 3.0, 0.25; 4.0, 0.25; 5.0, 0.25 ] do
                    set value
                    kept.ShouldStop(loss, 2)
            ]

            Expect.equal answers [ false; false; false; true ] "stop"
            Expect.equal kept.Best 0.25 "best"
            kept.Restore()
            Expect.equal (weight layer) 3f "the first of the best"
            // Less than single precision tells apart.
            Expect.isFalse (kept.ShouldStop(0.25 - 1e-12, 1)) "a better loss"
            Expect.equal kept.Best (0.25 - 1e-12) "best"

        testCase "a checkpoint of a later part restores those before it and what was told of them"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let store = Store()
            let models (values: float list) = [| for value in values -> linear value :> torch.nn.Module |]
            let parts (values: float list) part (facts: Dictionary<string, float>) = PartCheckpoints(store, part, models values, facts)
            let own = dict [ "x", torch.tensor 7f ]
            let facts = Dictionary(dict [ "loss", 0.1 ])
            (parts [ 1.0; 2.0 ] 1 facts).Save(DetectorState(Dictionary own, Dictionary(dict [ "step", "5" ])))
            let told = Dictionary()
            let later = models [ 8.0; 9.0 ]
            Expect.isTrue (PartCheckpoints(store, 0, later, told).RestoreIfFinished()) "the first part is finished"
            Expect.equal (weight (later[0] :?> Modules.Linear)) 1f "its weights"
            Expect.equal told["loss"] 0.1 "its facts"
            Expect.isNull (PartCheckpoints(store, 0, later, told).Load()) "not the first one's"
            let second = PartCheckpoints(store, 1, later, told)
            Expect.isFalse (second.RestoreIfFinished()) "the second is not finished"
            let state = nonNull (second.Load())
            Expect.equal (state.Whole("step", 0L)) 5L "it goes on at its step"
            Expect.equal (state.Tensors["x"].item<float32>()) 7f "with its tensors"

        testCase "images in memory are given as they are, and no size is taken for another"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let pixels = torch.rand [| 3L; 3L; 4L; 5L |]
            let images = TensorImages pixels :> IImages
            let found = images.Pixels([| 2; 0; 2 |], ImageSize(4, 5), torch.CPU)
            let expected = torch.stack [| pixels[2L]; pixels[0L]; pixels[2L] |]
            Expect.equal ((found - expected).abs().max().ToSingle()) 0f "pixels"
            Expect.equal images.Count 3 "count"
            Expect.equal (images.ContentId 1) ((TensorImages(pixels.narrow (0L, 1L, 1L)) :> IImages).ContentId 0) "equal content"
            Expect.notEqual (images.ContentId 1) (images.ContentId 2) "other content"
            Expect.throwsT<ArgumentException> (fun () -> images.Pixels([| 0 |], ImageSize(5, 4), torch.CPU) |> ignore) "turned"
    ]
