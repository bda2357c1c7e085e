/// What a model's threshold rests on, and the unit that scores are told in.
module Reproduction.Tests.ModelThresholds

open System
open System.Collections.Generic
open System.IO
open System.Text.Json.Nodes
open Expecto
open TorchSharp
open Reproduction
open Reproduction.Data
open Reproduction.Formats
open Reproduction.Imaging
open Reproduction.Metrics
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Surfaces
open Reproduction.Tests.Bench
open Reproduction.Tests.ReproProcess

let private good = lazy [| for index in 0..139 -> cloth "train" "good" index |]
let private options = FitOptions(Profile = Profile.Smoke, Weights = packaged, Variant = "resnet18_cntk-mahalanobis+image_size=64")
let private fit (options: FitOptions) (images: Image[]) = Model.Fit("gaussian", Photographs.Of images, options)
let private raw (model: Model) (images: Image[]) = [| for each in model.Score(Photographs.Of images) -> each.RawScore.Value |]

let private withFile work =
    let path = Path.GetTempFileName()

    try
        work path
    finally
        File.Delete path

/// A model of a program of before: version 1, no scores, no contents.
let private former path =
    use _scope = torch.NewDisposeScope()
    let struct (tensors, metadata) = SafeTensors.Read path
    let changed = Dictionary<string, string> metadata
    let description = (nonNull (JsonNode.Parse metadata["reproduction.model"])).AsObject()

    for added in [ "calibration"; "tiles"; "region_of_interest"; "contents"; "licences" ] do
        Expect.isTrue (description.Remove added) added

    changed["reproduction.model"] <- description.ToJsonString()
    changed["reproduction.model.version"] <- "1"
    SafeTensors.Write(path, tensors, changed)

[<Tests>]
let tests =
    testSequenced
    <| testList "thresholds of models" [
        testCase "a fifth is held back, at least 30 and at most 300; a third where there are few"
        <| fun () ->
            let few = [ 2, 1; 3, 1; 6, 2; 20, 6; 59, 19; 60, 30; 100, 30; 150, 30 ]

            for photographs, held in few @ [ 200, 40; 1000, 200; 1500, 300; 9000, 300 ] do
                Expect.equal (Calibrator.HeldOf photographs) held $"{photographs} photographs"

            fails [ "a model of one photograph"; "FitOptions.Good" ] (fun () -> Calibrator.HeldOf 1 |> ignore)

        testCase "copies of a picture are not torn apart, and the split is the seed's"
        <| fun () ->
            let pictures = [ for index in 0..39 -> Image(8, 8, 3, Array.create 192 (byte (index / 4))) ]
            let samples = (Photographs.Of(List.toArray pictures)).Samples
            let struct (fitted, held) = Calibrator.Split(samples, 3)
            let content (some: IReadOnlyList<Sample>) = set (Twins.Contents some)
            Expect.equal held.Count 3 "a third of ten pictures, each once"
            Expect.equal fitted.Count 28 "seven pictures with their copies"
            Expect.isEmpty (Set.intersect (content fitted) (content held)) "none on both sides"
            let ids (some: IReadOnlyList<Sample>) = [ for each in some -> each.Id ]
            let struct (_, again) = Calibrator.Split(samples, 3)
            Expect.equal (ids again) (ids held) "the same seed"
            let others = [ for seed in 4..7 -> let struct (_, other) = Calibrator.Split(samples, seed) in ids other ]
            Expect.isTrue (others |> List.exists ((<>) (ids held))) "other seeds"

        testCase "the model that is used is fitted once, on the others, and has scored those that were held back"
        <| fun () ->
            let warnings = ResizeArray<string>()
            let images = good.Value[..69]

            let told =
                FitOptions(Profile = Profile.Smoke, Weights = packaged, Variant = options.Variant, Warn = Action<string> warnings.Add)

            use model = fit told images
            let card = model.Description
            let basis = nonNull card.Calibration
            Expect.equal (basis.Source, card.Images, basis.Good.Count) (CalibrationSource.HeldBack, 40, 30) "40 and 30"
            let scores = Array.sort (raw model images)
            let held = Seq.toArray basis.Good
            Expect.isTrue (held |> Array.forall (fun score -> Array.contains score scores)) "this model's scores"
            Expect.equal card.Threshold (float (MathF.BitIncrement held[29])) "just above the highest: 0.01 of 30"

            for word in [ "a false positive rate of 0.01: 0 of 30 held-back good images above"; "at most 9.5 % of good products" ] do
                Expect.stringContains card.ThresholdRule word "the rule"

            Expect.stringContains (Seq.exactlyOne warnings) "that takes at least 99" "the warning"

        testCase "the promise holds on Surfaces: the rate of unseen good pictures is one that the sample allows"
        <| fun () ->
            let inside = [
                for split in 0..4 do
                    let order = Array.copy good.Value
                    SplitMix64.For(uint64 split, "promise").Shuffle(order.AsSpan())
                    use model = fit options order[..69]
                    let unseen = Array.sort (raw model order[70..])

                    for rate in [ 0.05; 0.1 ] do
                        let basis = nonNull (model.Description.At rate).Calibration
                        let flagged = Conformal.CountFrom(unseen, (model.Description.At rate).Threshold)
                        Conformal.AtLeast(flagged, unseen.Length, basis.Above, basis.Good.Count) >= 0.05
            ]

            Expect.isGreaterThanOrEqual (List.length (List.filter id inside)) 9 $"of 10: {inside}"

        testCase "cross-validation is no more generous than the rate: its models are brought to the whole's level"
        <| fun () ->
            let flagged = [
                for split in 0..2 do
                    let order = Array.copy good.Value
                    SplitMix64.For(uint64 split, "folds").Shuffle(order.AsSpan())

                    use model =
                        fit
                            (FitOptions(
                                Profile = Profile.Smoke,
                                Weights = packaged,
                                Variant = options.Variant,
                                Folds = Nullable 2,
                                FalsePositiveRate = 0.1
                            ))
                            order[..59]

                    Expect.equal (nonNull model.Description.Calibration).Source CalibrationSource.CrossValidated "the source"
                    Expect.equal model.Description.Images 60 "fitted on all"
                    Expect.stringContains model.Description.ThresholdRule "a model of 2 that had not seen it" "the rule"
                    float (Conformal.CountFrom(Array.sort (raw model order[60..]), model.Description.Threshold)) / 80.0
            ]

            Expect.isLessThan (List.average flagged) 0.12 "the mean rate"

        testCase "1 is the threshold, 0 the median good product, and the order stays, whatever the threshold is"
        <| fun () ->
            for threshold, scores in
                [
                    2.0, [| 0.5f; 1f; 1.5f |]
                    -3.0, [| -9f; -5f; -4f |]
                    0.0, [| -2f; -1f; 0f |]
                    1e-6, [| 0f; 0f; 0f |]
                    100.0, [| 99.99f; 99.995f; 100f |]
                    0.4, [| 0.5f; 1f; 1.5f |] // below the median: of the best F1
                    0.0, [||]
                    2.0, [||]
                ] do
                let unit = ScoreUnit(threshold, scores)
                let raws = [| for i in -50 .. 50 -> float32 (threshold + float i * 0.1) |]
                let told = raws |> Array.map unit.Of
                Expect.equal told (Array.sort told) "the order"

                for raw, told in Array.zip raws told do
                    Expect.equal (told >= 1f) (float raw >= threshold) $"{raw} against {threshold}"
                    Expect.isLessThan (abs (unit.Raw(float told) - float raw)) 1e-3 "and back"

                if scores.Length > 0 && float scores[scores.Length / 2] < threshold - 1e-3 then
                    Expect.floatClose Accuracy.low (float (unit.Of scores[scores.Length / 2])) 0.0 "the median"

            // The nearest numbers to a threshold are on their sides.
            let unit = ScoreUnit(1e-3, [| -1e6f |])
            Expect.isLessThan (unit.Of(MathF.BitDecrement 1e-3f)) 1f "just below"

        testCase "another threshold or rate rejudges, in the model's unit"
        <| fun () ->
            use model = fit options good.Value[..69]
            let images = Photographs.Of [| yield! good.Value[70..90]; for index in 0..9 -> cloth "test" "hole" index |]
            let judged options = [ for each in model.Score(images, options) -> each.Score.Value, each.IsDefective ]
            let plain = judged (ScoreOptions())

            for score, isDefective in plain do
                Expect.equal isDefective (score >= 1f) "1 is the threshold"

            for threshold in [ -0.5f; 0.3f; 1f; 2f ] do
                for (score, isDefective), (before, _) in Seq.zip (judged (ScoreOptions(Threshold = Nullable threshold))) plain do
                    Expect.equal (score, isDefective) (before, before >= threshold) $"{threshold}: scores stay"

            let at rate = judged (ScoreOptions(FalsePositiveRate = Nullable rate)) |> List.filter snd |> List.length
            Expect.equal (at 0.01) (plain |> List.filter snd |> List.length) "the model's own rate"
            let thresholds = [ for rate in [ 0.01; 0.1; 0.2; 0.5 ] -> model.Description.ThresholdAt rate ]
            Expect.equal thresholds[0] 1f "its own"
            Expect.equal thresholds (List.sortDescending thresholds) "falling with the rate"
            let basis = nonNull model.Description.Calibration
            let unit = ScoreUnit(model.Description.Threshold, basis.Good)

            for rate in [ 0.1; 0.2; 0.5 ] do
                let threshold = model.Description.ThresholdAt rate
                let told = basis.Good |> Seq.filter (fun score -> unit.Of score >= threshold) |> Seq.length
                Expect.equal told (Conformal.AtFalsePositiveRate(basis.Good, rate)).Above $"{rate}: as many as of the raw scores"

            for options, words in
                [
                    ScoreOptions(Threshold = Nullable 1f, FalsePositiveRate = Nullable 0.1),
                    [ "ScoreOptions.Threshold and ScoreOptions.FalsePositiveRate" ]
                    ScoreOptions(FalsePositiveRate = Nullable 1.5), [ "ScoreOptions.FalsePositiveRate 1.5"; "a share" ]
                    ScoreOptions(Threshold = Nullable nanf), [ "finite" ]
                    ScoreOptions(Tiles = Tiling(64, 64)), [ "Tiling.Overlap 64" ]
                ] do
                fails words (fun () -> judged options |> ignore)

        testCase "calibrating chooses another threshold without a fit, and not with what the model was fitted on"
        <| fun () ->
            use model = fit options good.Value[..69]
            let before = model.Description
            let scores = raw model good.Value[100..139]
            model.Calibrate(Photographs.Of good.Value[100..139], null, 0.1)
            let after = model.Description
            Expect.equal after.Threshold (float (Conformal.AtFalsePositiveRate(Array.sort scores, 0.1).Value)) "the threshold"
            Expect.equal (nonNull after.Calibration).Source CalibrationSource.Given "the source"
            Expect.equal (raw model good.Value[100..139]) scores "the raw scores are the same"
            Expect.equal after.Contents before.Contents "of the same training"
            let holes = [| for index in 0..9 -> cloth "test" "hole" index |]
            model.Calibrate(Photographs.Of good.Value[100..139], Photographs.Of holes)
            Expect.equal (nonNull model.Description.Calibration).Defective.Count 10 "with defects"
            Expect.stringContains model.Description.ThresholdRule "the best F1 with 10 defective images" "the rule"

            fails [ "are in what the model was fitted on, too" ] (fun () -> model.Calibrate(Photographs.Of good.Value[..139]))

            fails [ "10 of the 10 pictures of Model.Calibrate(defective) are in Model.Calibrate(good)" ] (fun () ->
                model.Calibrate(Photographs.Of holes, Photographs.Of holes))

        testCase "a model of before loads, judges by its threshold, and says what it cannot do"
        <| fun () ->
            withFile (fun path ->
                use model = fit options good.Value[..69]
                model.Save path
                let expected = raw model good.Value[70..79]
                former path
                use old = Model.Load(path, packaged)
                Expect.equal (raw old good.Value[70..79]) expected "raw scores"

                for each in old.Score(Photographs.Of good.Value[70..79]) do
                    Expect.floatClose
                        Accuracy.medium
                        (float each.Score.Value)
                        (float each.RawScore.Value / old.Description.Threshold)
                        "score"

                Expect.isNull old.Description.Calibration "no scores"
                fails [ "keeps no scores"; "repro calibrate MODEL --good DIR" ] (fun () -> old.Description.At 0.1 |> ignore)
                old.Calibrate(Photographs.Of good.Value[100..139])
                old.Description.At 0.1 |> ignore)

        testCase "a calibration that cannot be is refused with the file"
        <| fun () ->
            withFile (fun path ->
                use model = fit options good.Value[..69]

                for change, words in
                    [
                        (fun (card: JsonObject) -> card["good"] <- JsonArray()), "no scores"
                        (fun card -> card["good"] <- JsonArray(JsonValue.Create 2, JsonValue.Create 1)), "ascending"
                        (fun card -> card["above"] <- 99), "more scores above"
                        (fun card -> card["false_positive_rate"] <- 1.5), "no share"
                        (fun card -> card["source"] <- "oracle"), "not a model"
                    ] do
                    model.Save path
                    use _scope = torch.NewDisposeScope()
                    let struct (tensors, metadata) = SafeTensors.Read path
                    let description = nonNull (JsonNode.Parse metadata["reproduction.model"])
                    change ((nonNull description["calibration"]).AsObject())
                    let changed = Dictionary<string, string> metadata
                    changed["reproduction.model"] <- description.ToJsonString()
                    SafeTensors.Write(path, tensors, changed)
                    fails [ path; words ] (fun () -> (Model.Load(path, packaged)).Dispose()))
    ]
