/// Run records and tables as they are read.
module Reproduction.Tests.AnalysisFiles

open System
open System.IO
open Expecto
open Reproduction.Analysis

let private json =
    """{"schema":1,"cell":"hfae.resnet18.mvtec.bottle.seed0.paper","paper":"hfae","variant":"resnet18","dataset":"mvtec",
"category":"bottle","seed":0,"fold":null,"profile":"paper","settings":{"epochs":5,"levels":[1,2,3],"encoder":"resnet18"},
"weights":[{"name":"resnet18","sha256":"ab","architecture":"resnet18"}],"environment":{"libtorch":"1.13.1","threads":2},
"seconds":{"features":1.5,"fit":2.0,"score":0.5,"metrics":0.25},"metrics":{"image_auroc":0.998,"pixel_auroc":null},
"undefined":{"pixel_auroc":"there are no masks"},"fit":{"loss":0.1},"counts":{"train":209,"test_good":20,"test_anomalous":63},
"finished":"2026-01-01T00:00:00Z"}"""

[<Tests>]
let tests =
    testList "analysis.files" [
        testProperty "a quoted field reads back as it was"
        <| fun (texts: FsCheck.NonEmptyArray<char[]>) ->
            let texts = [ for text in texts.Get -> String(text).Replace('\n', ' ') ]
            Expect.equal (texts |> List.map Csv.quote |> String.concat "," |> Csv.fields) texts "fields"

        testCase "a run record is read whole"
        <| fun () ->
            let record = RunRecord.parse "bottle.json" json
            Expect.equal record.Repetition "seed 0" "repetition"
            Expect.equal record.Metrics (Map.ofList [ "image_auroc", 0.998 ]) "defined metrics"
            Expect.equal record.Undefined (Map.ofList [ "pixel_auroc", "there are no masks" ]) "undefined metrics"
            Expect.equal record.Settings [ "epochs", "5"; "levels", "[1,2,3]"; "encoder", "resnet18" ] "settings"
            Expect.equal (record.TrainImages, record.TestGood, record.TestAnomalous) (209, 20, 63) "counts"
            Expect.equal (RunRecord.network record) "resnet18" "network"

        testTheory "a damaged record is named with what is wrong" [
            json.Substring(0, 40), "not a whole run record"
            json.Replace("\"schema\":1", "\"schema\":2"), "schema is 2"
            json.Replace("\"variant\":\"resnet18\",", ""), "has no 'variant'"
            json.Replace("0.998", "\"high\""), "not a whole run record"
        ]
        <| fun (text, problem) ->
            try
                RunRecord.parse "bottle.json" text |> ignore
                failtest "it was read"
            with AnalysisError message ->
                Expect.stringContains message "bottle.json" "names the file"
                Expect.stringContains message problem "says what is wrong"

        testCase "a table with a missing column is named"
        <| fun () ->
            let path = Path.GetTempFileName()

            try
                File.WriteAllText(path, "table,method\ntable1,hfae\n")
                Expect.throwsT<AnalysisError> (fun () -> Csv.read [ "value" ] path |> ignore) "no column value"
            finally
                File.Delete path
    ]
