/// `calibrate`, `describe`, and what `score` does with thresholds, labels and tiles; `fit` that goes on.
module Reproduction.Tests.ModelVerbs

open System
open System.Globalization
open System.IO
open System.Text.Json.Nodes
open System.Threading
open Expecto
open Repro
open Repro.Verbs
open Reproduction
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Surfaces
open Reproduction.Tests.Bench
open Reproduction.Tests.ReproProcess

let private fitIn (at: SharedFolder) out more =
    repro (
        [
            "fit"
            "--method"
            "gaussian"
            "--variant"
            "resnet18_cntk-mahalanobis"
            "--image-size"
            "64"
            "--train"
            at["train"]
        ]
        @ [ "--weights"; packaged; "--out"; at[out] ]
        @ more
    )

/// Photographs of good parts, further good ones, and a folder of kinds; and a model.
let private bench =
    sharedFolder (fun at ->
        let write folder split defect index = writePicture at[$"{folder}/{index:d3}.png"] (cloth split defect index)

        for index in 0..29 do
            write "train" "train" "good" index

        for index in 30..44 do
            write "further" "train" "good" index

        for index in 0..5 do
            write "kinds/OK" "test" "good" index
            write "kinds/hole" "test" "hole" index

        File.WriteAllText(at["kinds/hole/torn.png"], "no picture")
        let code, _, error = fitIn at "model" []
        Expect.equal code 0 error)

let private fit out more = fitIn bench.Value out more

let private score out more =
    let at = bench.Value
    repro ([ "score"; "--model"; at["model"]; "--weights"; packaged; at["kinds"]; "--out"; at[out] ] @ more)

let private rows out = [| for row in Seq.skip 1 (Csv.Read bench.Value[out + "/scores.csv"]) -> Seq.toArray row |]
let private number (text: string) = Double.Parse(text, CultureInfo.InvariantCulture)

let private json (text: string) = nonNull (JsonNode.Parse text)
let private field (node: JsonNode) (path: string) = path.Split('.') |> Array.fold (fun (node: JsonNode) name -> nonNull node[name]) node

let private expect code (words: string list) (found, output: string, error: string) =
    Expect.equal found code (output + error)

    for word in words do
        Expect.stringContains (output + error) word "what is told"

/// One checkpoint in memory, which stops the training at a step.
type private Kept() =
    let mutable state: DetectorState | null = null

    interface ICheckpoints with
        member _.Due = true
        member _.Load() = state

        member _.Save saved =
            let copy =
                readOnlyDict [ for KeyValue(name, tensor) in saved.Tensors -> name, tensor.detach().clone().DetachFromDisposeScope() ]

            state <- DetectorState(copy, saved.Values)

[<Tests>]
let tests =
    testSequenced
    <| testList "model verbs" [
        testCase "score: normalised scores, the threshold 1, and the raw scores at the end"
        <| fun () ->
            score "plain" [ "--recursive" ] |> expect 1 [ "12 images"; "1 of 13 pictures were not judged" ]
            let model = ModelFile.Describe bench.Value["model"]

            for row in rows "plain" do
                if row[3] <> "unreadable" then
                    Expect.equal row[2] "1" "threshold"
                    Expect.equal (row[3] = "defective") (number row[1] >= 1.0) "verdict"
                    Expect.equal (number row[5] >= model.Threshold) (number row[1] >= 1.0) "raw"
                else
                    Expect.equal (row[1], row[5]) ("", "") "no score"

        testCase "score --threshold and --fpr move the verdicts, not the scores"
        <| fun () ->
            score "moved" [ "--recursive"; "--threshold"; "-0.5" ] |> expect 1 []
            let before, after = rows "plain", rows "moved"
            Expect.equal [ for row in after -> row[1], row[5] ] [ for row in before -> row[1], row[5] ] "scores"

            for row in after do
                if row[3] <> "unreadable" then Expect.equal (row[2], row[3] = "defective") ("-0.5", number row[1] >= -0.5) "verdict"

            score "rate" [ "--recursive"; "--fpr"; "0.5" ] |> expect 1 []
            Expect.isLessThan (rows "rate" |> Array.head |> fun row -> number row[2]) 1.0 "a lower threshold"
            score "both" [ "--fpr"; "0.5"; "--threshold"; "1" ] |> expect 2 [ "--threshold and --fpr" ]
            score "both" [ "--threshold"; "1,2" ] |> expect 2 [ "'1,2' is no number" ]
            score "both" [ "--fpr"; "1" ] |> expect 2 [ "--fpr 1: a share" ]
            score "both" [ "--overlap"; "8" ] |> expect 2 [ "--overlap needs --tile" ]

            score "tiles" [ "--recursive"; "--tile"; "64" ] |> expect 1 [ "chosen with photographs shown in another way" ]

        testCase "score --labels: folders and a table give the same confusion, ROC and histogram"
        <| fun () ->
            let bench = bench.Value

            score "labels" [ "--recursive"; "--labels"; "folders" ] |> expect 1 [ "labels: of 6 good"; "of 6 defective"; "AUROC" ]

            let found = json (File.ReadAllText bench["labels/evaluation.json"])
            let labelled = rows "labels"
            Expect.equal (labelled |> Array.countBy (fun row -> row[6])) [| "good", 6; "defective", 7 |] "labels"
            let count label verdict = labelled |> Seq.filter (fun row -> row[6] = label && row[3] = verdict) |> Seq.length

            for name, label, verdict in
                [
                    "true_positives", "defective", "defective"
                    "false_positives", "good", "defective"
                    "true_negatives", "good", "good"
                    "false_negatives", "defective", "good"
                ] do
                Expect.equal ((field found $"confusion.{name}").GetValue<int>()) (count label verdict) name

            let judged = labelled |> Array.filter (fun row -> row[3] <> "unreadable")

            let pairs = [
                for bad in judged do
                    for sound in judged do
                        if bad[6] = "defective" && sound[6] = "good" then
                            if number bad[1] > number sound[1] then 1.0
                            elif number bad[1] = number sound[1] then 0.5
                            else 0.0
            ]

            Expect.floatClose Accuracy.high ((field found "auroc").GetValue<float>()) (List.average pairs) "AUROC by its definition"
            let bins = (field found "histogram").AsArray()
            Expect.equal (bins |> Seq.sumBy (fun bin -> (field (nonNull bin) "good").GetValue<int>())) 6 "histogram of good"
            Expect.equal (bins |> Seq.sumBy (fun bin -> (field (nonNull bin) "defective").GetValue<int>())) 6 "histogram of defective"

            let table = [
                "label,path,remark"
                for row in labelled do
                    $"""{(if row[6] = "good" then "ok" else "hole")},"{row[0]}","a ""quoted"" remark, with a comma" """
            ]

            File.WriteAllLines(bench["table.csv"], table)
            score "table" [ "--recursive"; "--labels"; bench["table.csv"] ] |> expect 1 []
            Expect.equal (File.ReadAllText bench["table/evaluation.json"]) (File.ReadAllText bench["labels/evaluation.json"]) "evaluation"
            File.WriteAllText(bench["names.csv"], "path,label\n000.png,good\nelsewhere.png,1\n")
            score "names" [ "--recursive"; "--labels"; bench["names.csv"] ] |> expect 1 [ "of 2 good"; "of 0 defective" ]
            Expect.isFalse (File.Exists bench["plain/evaluation.json"]) "none without labels"
            score "none" [ "--labels"; bench["nowhere.csv"] ] |> expect 2 [ "nowhere.csv: no such file"; "folders" ]
            File.WriteAllText(bench["bad.csv"], "file,kind\n")
            score "none" [ "--labels"; bench["bad.csv"] ] |> expect 2 [ "is no table of labels" ]

        testCase "calibrate: from the scores that the model keeps, or from further photographs"
        <| fun () ->
            let bench = bench.Value
            let before = ModelFile.Describe bench["model"]

            repro [ "calibrate"; bench["model"]; "--fpr"; "0.3"; "--out"; bench["kept"] ]
            |> expect 0 [ "a false positive rate of 0.3: 2 of 10 held-back good images above" ]

            let kept = ModelFile.Describe bench["kept"]
            Expect.isLessThan kept.Threshold before.Threshold "a lower threshold"
            Expect.equal (ModelFile.Describe bench["model"]).Threshold before.Threshold "the source is as it was"

            repro [ "calibrate"; bench["kept"]; "--good"; bench["further"]; "--weights"; packaged; "--fpr"; "0.01" ]
            |> expect 0 [ "0 of 15 further good images above"; "15 good images cannot promise" ]

            Expect.equal (nonNull (ModelFile.Describe bench["kept"]).Calibration).Good.Count 15 "MODEL itself is written"

            repro [ "calibrate"; bench["kept"]; "--good"; bench["train"]; "--weights"; packaged ]
            |> expect 2 [ "20 of the 30 pictures of --good are in what the model was fitted on"; "such as" ]

            repro [ "calibrate"; bench["kept"]; "--defective"; bench["kinds/hole"] ] |> expect 2 [ "--defective needs --good" ]
            repro [ "calibrate"; bench["kept"]; "--tile"; "64" ] |> expect 2 [ "--tile and --roi need --good" ]
            repro [ "calibrate"; bench["kept"]; "--fpr"; "1" ] |> expect 2 [ "from 0 to below 1" ]
            repro [ "calibrate"; bench["nowhere"] ] |> expect 1 [ "nowhere: no such file" ]

            repro [
                "calibrate"
                bench["model"]
                "--good"
                bench["further"]
                "--tile"
                "64"
                "--weights"
                packaged
                "--out"
                bench["tiled"]
            ]
            |> expect 0 []

            Expect.equal (ModelFile.Describe bench["tiled"]).Tiles (Tiling(64, 16)) "the tiles are the model's"

        testCase "describe: the card, for people and as JSON"
        <| fun () ->
            let bench = bench.Value
            let code, output, error = repro [ "describe"; bench["model"]; "--json" ]
            Expect.equal code 0 error
            let card = json output
            Expect.equal ((field card "method").GetValue<string>()) "gaussian" "method"
            Expect.equal ((field card "format_version").GetValue<string>()) "2" "version"
            Expect.equal ((field card "settings.image_size").GetValue<int>()) 64 "settings"
            Expect.equal ((field card "fitted_on").GetValue<int>()) 20 "images"
            Expect.equal ((field card "threshold.good_images").GetValue<int>()) 10 "held back"
            let most = (field card "threshold.share_of_good_products_above.at_most").GetValue<float>()
            Expect.floatClose Accuracy.low most 0.25887 "1 - 0.05^(1/10)"
            Expect.equal ((field card "threshold.curve").AsArray().Count) 8 "the curve"
            let licence = (field (nonNull ((field card "weights").AsArray()[0])) "licence").GetValue<string>()
            let stated = (field (json (File.ReadAllText(Path.Combine(packaged, "resnet18_cntk.json")))) "licence").GetValue<string>()
            Expect.equal licence stated "the licence is the sidecar's"
            Expect.equal ((field card "data_fingerprint").GetValue<string>().Length) 64 "fingerprint"

            repro [ "describe"; bench["model"] ]
            |> expect 0 [ "method: gaussian"; "  image_size: 64"; "  rule: a false positive rate of 0.01"; $"licence: {stated}" ]

            repro [ "describe"; bench["model"]; "--speed"; "--weights"; packaged ] |> expect 0 [ "images_per_second: " ]
            repro [ "describe"; bench["nowhere"] ] |> expect 1 [ "nowhere: no such file" ]

        testCase "fit --tile, --roi and --image-size are the model's, and mistakes are told"
        <| fun () ->
            let bench = bench.Value
            let mask = Image(10, 10, 1, Array.init 100 (fun i -> if i < 50 then 255uy else 0uy))
            ImageFile.Write(bench["mask.png"], mask)
            fit "sighted" [ "--tile"; "128"; "--overlap"; "32"; "--roi"; bench["mask.png"] ] |> expect 0 []
            let model = ModelFile.Describe bench["sighted"]
            Expect.equal model.Tiles (Tiling(128, 32)) "tiles"
            Expect.isNotNull model.RegionOfInterest "mask"
            fit "none" [ "--tile"; "8" ] |> expect 2 [ "--tile 8: give at least 16" ]
            fit "none" [ "--tile"; "64"; "--overlap"; "64" ] |> expect 2 [ "--overlap 64"; "below the tile's side" ]
            fit "none" [ "--roi"; bench["nowhere.png"] ] |> expect 1 [ "nowhere.png" ]
            fit "none" [ "--folds"; "2"; "--good"; bench["further"] ] |> expect 2 [ "--folds and --good" ]

        testCase "a fit that was interrupted goes on and gives the model of an undisturbed one"
        <| fun () ->
            let images = [| for index in 0..11 -> cloth "train" "good" index |]

            let kept = Kept()
            let seen = ResizeArray<int64>()

            let fit (checkpoints: Func<string, Func<string>, ICheckpoints> | null) stopAt =
                use source = new CancellationTokenSource()

                let options =
                    FitOptions(
                        Profile = Profile.Smoke,
                        Weights = packaged,
                        Variant = "resnet18_cntk+batch_size=2",
                        Checkpoints = checkpoints,
                        Cancellation = source.Token,
                        Progress =
                            (fun progress ->
                                seen.Add progress.Done
                                if progress.Done = stopAt then source.Cancel())
                    )

                use model = Model.Fit("hfae", Photographs.Of images, options)
                model.Description.Threshold, [ for each in model.Score(Photographs.Of images) -> each.RawScore.Value ]

            let undisturbed = fit null -1L
            let steps = Seq.max seen
            Expect.isGreaterThan steps 3L "a training of several steps"
            let keep = Func<string, Func<string>, ICheckpoints>(fun _ _ -> kept)
            Expect.throwsT<OperationCanceledException> (fun () -> fit keep 2L |> ignore) "interrupted"
            seen.Clear()
            Expect.equal (fit keep -1L) undisturbed "the same threshold and scores"
            Expect.equal (List.ofSeq seen) [ 3L .. steps ] "it went on from the third step"

        testCase "the checkpoints of fit lie beside the model, are of these options and photographs, and go"
        <| fun () ->
            let bench = bench.Value
            let told = ResizeArray<string>()
            let model = bench["resumed"]
            let one = FitCheckpoints(model, Action<string> told.Add)
            let checkpoint = one.Of("fit", Func<string>(fun () -> "these"))
            checkpoint.Save(DetectorState(readOnlyDict [], readOnlyDict [ "step", "3" ]))
            Expect.isTrue (File.Exists(model + ".checkpoint-1")) "beside the model"
            let again = FitCheckpoints(model, Action<string> told.Add).Of("fit", Func<string>(fun () -> "these")).Load()
            Expect.equal ((nonNull again).Values["step"]) "3" "the same fit"

            Expect.isNull
                (FitCheckpoints(model, Action<string> told.Add).Of("fit", Func<string>(fun () -> "others")).Load())
                "another's is not taken"

            Expect.stringContains (Seq.exactlyOne told) "of other settings, weights or images" "and that is told"
            one.Delete()
            Expect.isFalse (File.Exists(model + ".checkpoint-1")) "gone"
    ]
