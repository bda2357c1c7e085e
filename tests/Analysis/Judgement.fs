/// Run records, and how measurements are judged beside published numbers.
module Reproduction.Tests.Analysis

open System
open System.IO
open Expecto
open Reproduction.Analysis
open Reproduction.Data

let private record variant category repetition profile (metrics: (string * float) list) : RunRecord = {
    Cell = $"hfae.{variant}.mvtec.{category}.seed{repetition}.{profile}"
    Paper = "hfae"
    Variant = variant
    Dataset = "mvtec"
    Category = category
    Repetition = $"seed {repetition}"
    Profile = profile
    Settings = []
    Weights = []
    DataFingerprint = "ab"
    Environment = Map.empty
    Seconds = Map.empty
    Metrics = Map.ofList metrics
    Undefined = Map.empty
    Fit = Map.empty
    TrainImages = 209
    TestGood = 20
    TestAnomalous = 63
    Regions = None
    Finished = "2026-01-01T00:00:00Z"
}

let private number variant category value spread : PublishedNumber = {
    Paper = "hfae"
    IsOwn = true
    Substitutes = [ { Published = "wide_resnet50_2"; Measured = "resnet50_v1"; Difference = "ResNet-50 v1, not wide ResNet-50-2" } ]
    Schedule = { Settings = []; ChangedData = [] }
    Table = "table1"
    Method = "hfae"
    Variant = variant
    Category = category
    Metric = "image_auroc"
    Text = string value
    Value = value
    Spread = spread |> Option.map (fun size -> { Size = size; Kind = Deviation })
    Unit = "fraction"
}

let private judge records published =
    match Comparison.compare records [ published ] with
    | [ single ] -> single
    | several -> failtestf "expected one comparison, got %d" several.Length

let private json =
    """{"schema":1,"cell":"hfae.resnet18.mvtec.bottle.seed0.paper","paper":"hfae","variant":"resnet18","dataset":"mvtec","category":"bottle",
"seed":0,"fold":null,"profile":"paper","settings":{"epochs":5,"levels":[1,2,3],"encoder":"resnet18"},
"weights":[{"name":"resnet18","sha256":"ab","architecture":"resnet18"}],"environment":{"libtorch":"1.13.1","threads":2},
"seconds":{"features":1.5,"fit":2.0,"score":0.5,"metrics":0.25},"metrics":{"image_auroc":0.998,"pixel_auroc":null},
"undefined":{"pixel_auroc":"there are no masks"},"fit":{"loss":0.1},"counts":{"train":209,"test_good":20,"test_anomalous":63},
"finished":"2026-01-01T00:00:00Z"}"""

let private repetitions =
    testList "repetitions" [
        testCase "a run's closing lines: the mean over a method's cells, data sets apart"
        <| fun () ->
            let records = [
                record "resnet18" "bottle" 0 "paper" [ "image_auroc", 0.9; "pixel_auroc", 0.5 ]
                record "resnet18" "pill" 0 "paper" [ "image_auroc", 0.7 ]
                { record "resnet18" "woven" 0 "paper" [ "image_auroc", 1.0 ] with Dataset = "surfaces" }
                { record "x" "bottle" 0 "paper" [ "image_auroc", 0.25 ] with Paper = "other" }
            ]

            let own = records.Head.Paper

            Expect.equal
                (Text.means records)
                [
                    $"mean image AUROC on mvtec (cells): {own} 0.800 (2) other 0.250 (1)"
                    $"mean image AUROC on surfaces (cells): {own} 1.000 (1)"
                    $"mean pixel AUROC on mvtec (cells): {own} 0.500 (1)"
                ]
                "lines"

        testCase "regions that the maps' size loses are told, once a category, and only where there are some"
        <| fun () ->
            let cell category seed lost = {
                record "resnet18" category seed "paper" [] with
                    Regions = lost |> Option.map (fun lost -> { Whole = 9; Lost = lost })
            }

            let told = Text.lostRegions [ cell "bottle" 0 (Some 0); cell "pill" 0 (Some 2); cell "pill" 1 (Some 2); cell "screw" 0 None ]
            Expect.hasLength told 1 "one category"
            Expect.stringContains told.Head "mvtec pill: 2 of 9 regions of the masks have no pixel left" "which"

        testCase "reports and methods have the same 15 categories of MVTec AD, five of them textures"
        <| fun () ->
            Expect.equal Published.textures [ "carpet"; "grid"; "leather"; "tile"; "wood" ] "textures"
            Expect.equal (List.sort (Published.textures @ Published.objects)) (List.ofSeq MvtecAd.Categories) "all categories"
            Expect.hasLength Published.objects 10 "objects"

            for category in MvtecAd.Categories do
                Expect.equal (MvtecAd.IsTexture("mvtec", category)) (List.contains category Published.textures) category

        testCase "repetitions are averaged within a category, never across"
        <| fun () ->
            let rows =
                [
                    record "resnet18" "bottle" 0 "paper" [ "image_auroc", 0.9 ]
                    record "resnet18" "bottle" 1 "paper" [ "image_auroc", 1.0 ]
                    record "resnet18" "pill" 0 "paper" [ "image_auroc", 0.5 ]
                ]
                |> RunRecord.toFrame
                |> Statistics.overRepetitions
                |> List.map (fun row -> row.Category, Math.Round(row.Summary.Mean, 6), row.Summary.Count)

            Expect.equal rows [ "bottle", 0.95, 2; "pill", 0.5, 1 ] "rows"
    ]

let private files =
    testList "files" [
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

let private judgement =
    testList "judgement" [
        testTheory "verdict by distance" [
            0.95, Some 0.03, [ 0.93 ], WithinSpread
            0.95, None, [ 0.90; 1.00 ], WithinSpread
            0.95, None, [ 0.955 ], WithinPoint
            0.95, None, [ 0.95 ], WithinPoint
            0.95, None, [ 0.97 ], Above
            0.95, None, [ 0.90 ], Below
        ]
        <| fun (value, spread, measured, verdict) ->
            let records = measured |> List.mapi (fun seed auroc -> record "resnet18" "bottle" seed "paper" [ "image_auroc", auroc ])
            let compared = judge records (number "resnet18" "bottle" value spread)
            Expect.equal compared.Verdict verdict "verdict"
            Expect.isEmpty compared.Differences "like for like"

        testCase "a mean needs all of its categories"
        <| fun () ->
            let compared = judge [ record "resnet18" "bottle" 0 "paper" [ "image_auroc", 0.9 ] ] (number "resnet18" "objects" 0.9 None)
            Expect.equal compared.Verdict (NotComparable "1 of 10 categories") "verdict"

        testCase "a mean over all of its categories is comparable"
        <| fun () ->
            let records = Published.objects |> List.map (fun category -> record "resnet18" category 0 "paper" [ "image_auroc", 0.9 ])
            Expect.equal (judge records (number "resnet18" "objects" 0.905 None)).Verdict WithinPoint "verdict"

        testTheory "how far categories differ excuses no difference of a mean" [ None; Some 0.2 ]
        <| fun printed ->
            // Categories from 0.5 to 0.95 deviate by 0.15; the mean is known to the point from one seed, and 0.04 is beside it.
            let records =
                Published.objects
                |> List.mapi (fun i category -> record "resnet18" category 0 "paper" [ "image_auroc", 0.5 + 0.05 * float i ])

            let compared = judge records (number "resnet18" "objects" 0.765 printed)
            Expect.equal compared.Verdict Below "verdict"
            Expect.isNone (compared.Measured |> Option.bind _.Spread) "one seed has no spread"

        testCase "a mean's spread is the standard error over seeds of the mean"
        <| fun () ->
            // Categories go apart from seed to seed and their mean does not: only its own movement counts, 0.01 / sqrt 2.
            let records = [
                for i, category in List.indexed Published.objects do
                    for seed in 0..1 do
                        let apart = if (i + seed) % 2 = 0 then 0.1 else -0.1
                        record "resnet18" category seed "paper" [ "image_auroc", 0.8 + apart + 0.01 * float seed ]
            ]

            let compared = judge records (number "resnet18" "objects" 0.809 None)
            let spread = compared.Measured |> Option.bind _.Spread |> Option.get
            Expect.equal spread.Kind ErrorOfMean "kind"
            Expect.floatClose Accuracy.high spread.Size 0.005 "0.01 / sqrt 2 / sqrt 2"
            Expect.equal compared.Verdict WithinSpread "0.004 from the mean of 0.805"
            Expect.equal (judge records (number "resnet18" "objects" 0.812 None)).Verdict WithinPoint "0.007 from it"

        testCase "seeds that not every category ran are no repetition of the mean"
        <| fun () ->
            let cells = [ Map.ofList [ "seed 0", 0.8; "seed 1", 0.9 ]; Map.ofList [ "seed 0", 0.7; "seed 2", 0.9 ] ]
            Expect.isNone (Statistics.errorOfMean cells) "one shared seed"

        testTheory "a spread has its kind behind it" [ Deviation, "95.0 ± 2.0 sd"; ErrorOfMean, "95.0 ± 2.0 SEM" ]
        <| fun (kind, printed) ->
            let published = { number "resnet18" "bottle" 0.95 None with Text = "0.950"; Spread = Some { Size = 0.02; Kind = kind } }
            Expect.equal (Text.published published) printed "published"

            let measured = {
                Mean = 0.95
                Spread = published.Spread
                Variant = ""
                Profile = ""
                Networks = []
                Categories = []
                Records = []
            }

            Expect.equal (Text.measured measured) printed "measured"

        testCase "beside a printed standard error stands ours"
        <| fun () ->
            let records = [ for seed, auroc in [ 0, 0.90; 1, 0.94 ] -> record "resnet18" "bottle" seed "paper" [ "image_auroc", auroc ] ]
            let published = { number "resnet18" "bottle" 0.95 None with Spread = Some { Size = 0.001; Kind = ErrorOfMean } }
            let spread = (judge records published).Measured |> Option.bind _.Spread |> Option.get
            Expect.equal spread.Kind ErrorOfMean "kind"
            Expect.floatClose Accuracy.high spread.Size 0.02 "0.04 / sqrt 2 / sqrt 2"

        testCase "a shorter schedule and another network are said"
        <| fun () ->
            let compared =
                judge [ record "resnet50_v1" "bottle" 0 "quick" [ "image_auroc", 0.9 ] ] (number "wide_resnet50_2" "bottle" 0.9 None)

            Expect.equal compared.Differences [ "ResNet-50 v1, not wide ResNet-50-2"; "quick schedule" ] "differences"

        testTheory "what differs from the schedule is said setting by setting, and what is ours" [
            "quick", [ "epochs", "20"; "batch_size", "4" ], [ "epochs 20, not 700"; "our batch size" ]
            "quick", [ "epochs", "7e2"; "batch_size", "8" ], [ "batch size 8, not 4" ]
            "quick", [ "epochs", "700" ], []
            "paper", [ "epochs", "150" ], [ "epochs 150, not 700" ]
        ]
        <| fun (profile, settings, differences) ->
            let schedule = [
                { Setting = "epochs"; Value = "3"; IsGiven = true; Variants = ""; Data = "mnist" }
                { Setting = "epochs"; Value = "5"; IsGiven = true; Variants = "*-fast"; Data = "" }
                { Setting = "epochs"; Value = "700"; IsGiven = true; Variants = ""; Data = "" }
                { Setting = "batch_size"; Value = "4"; IsGiven = false; Variants = "resnet*"; Data = "mvtec.bottle" }
            ]

            let cell = { record "resnet18" "bottle" 0 profile [ "image_auroc", 0.9 ] with Settings = settings }
            let published = { number "resnet18" "bottle" 0.9 None with Schedule = { Settings = schedule; ChangedData = [] } }
            Expect.equal (judge [ cell ] published).Differences differences "differences"

        testCase "images that are not as published are said"
        <| fun () ->
            let reduced = { Dataset = "mvtec"; Category = "bottle"; Fingerprint = "ab"; Difference = "reduced" }
            let schedule = { Settings = []; ChangedData = [ reduced; { reduced with Category = "pill"; Difference = "other" } ] }
            let cell = record "resnet18" "bottle" 0 "paper" [ "image_auroc", 0.9 ]
            let published = { number "resnet18" "bottle" 0.9 None with Schedule = schedule }
            Expect.equal (judge [ cell ] published).Differences [ "reduced" ] "of this fingerprint"
            Expect.isEmpty (judge [ { cell with DataFingerprint = "cd" } ] published).Differences "of another"

        testCase "the paper's own network and schedule win over substitutes"
        <| fun () ->
            let records = [
                record "resnet50_v1" "bottle" 0 "paper" [ "image_auroc", 0.8 ]
                record "wide_resnet50_2" "bottle" 0 "quick" [ "image_auroc", 0.85 ]
                record "wide_resnet50_2" "bottle" 0 "paper" [ "image_auroc", 0.9 ]
            ]

            Expect.equal (judge records (number "wide_resnet50_2" "bottle" 0.9 None)).Verdict WithinPoint "verdict"

        testCase "a sum over fewer levels than the paper's is said, a single level is not"
        <| fun () ->
            let cell = {
                record "resnet18" "bottle" 0 "paper" [ "image_auroc", 0.9; "image_auroc.level_1", 0.9 ] with
                    Settings = [ "levels", """["maxpool","layer1","layer2"]""" ]
                    Fit = Map.ofList [ "levels", 2.0 ]
            }

            Expect.equal (judge [ cell ] (number "resnet18" "bottle" 0.9 None)).Differences [ "2 of 3 levels" ] "sum"
            Expect.isEmpty (judge [ cell ] (number "resnet18/level_1" "bottle" 0.9 None)).Differences "level 1"

        testCase "a smoke run says nothing about a method"
        <| fun () ->
            let compared = judge [ record "resnet18" "bottle" 0 "smoke" [ "image_auroc", 0.9 ] ] (number "resnet18" "bottle" 0.9 None)
            Expect.equal compared.Verdict NotRun "verdict"

        testCase "a part and a working point are part of the metric's name"
        <| fun () ->
            let record = { record "resnet18-mahalanobis" "bottle" 0 "paper" [ "achieved_fpr.level_4.sigma3", 0.2 ] with Paper = "gaussian" }

            let number = {
                number "resnet18-mahalanobis/level_4/sigma3" "bottle" 0.2 None with
                    Paper = "gaussian"
                    Method = "gaussian"
                    Metric = "achieved_fpr"
            }

            Expect.equal (judge [ record ] number).Verdict WithinPoint "verdict"

        testCase "the vanilla VAE of favae is a variant of ours"
        <| fun () ->
            let cell = { record "vanilla" "bottle" 0 "paper" [ "image_auroc", 0.9 ] with Paper = "favae" }
            let number = { number "vanilla" "bottle" 0.9 None with Paper = "favae"; Method = "VAE" }
            Expect.equal (judge [ cell ] number).Verdict WithinPoint "verdict"

        testCase "a baseline's number is not ours to judge"
        <| fun () ->
            Expect.isEmpty (Comparison.compare [] [ { number "" "bottle" 0.9 None with Method = "SPADE"; IsOwn = false } ]) "compared"
    ]

let private printing =
    testList "printing" [
        testTheory "a published number keeps its digits" [
            "0.97", "fraction", "97"
            "0.970", "fraction", "97.0"
            "96.7", "percent", "96.7"
            "97", "percent", "97"
        ]
        <| fun (text, unit, printed) ->
            let value = float text / (if unit = "percent" then 100.0 else 1.0)
            Expect.equal (Text.published { number "resnet18" "bottle" value None with Text = text; Unit = unit }) printed "printed"

        testCase "an undefined rate is a dash" <| fun () -> Expect.equal (Text.percent nan) "–" "dash"
        testCase "a difference has its sign"
        <| fun () -> Expect.equal (Text.points 0.0123, Text.points -0.02) ("+1.2", "−2.0") "signs"
    ]

let private ablations =
    testList "ablations" [
        testCase "variants are averaged over the categories that all of them ran"
        <| fun () ->
            let ablation =
                [
                    record "level1" "bottle" 0 "paper" [ "image_auroc", 0.8 ]
                    record "level2" "bottle" 0 "paper" [ "image_auroc", 0.9 ]
                    record "level2" "pill" 0 "paper" [ "image_auroc", 0.1 ]
                ]
                |> Ablation.byMetric [ "image_auroc"; "aupro" ] "name" "title" [ "level2"; "level3"; "level1" ]

            Expect.equal ablation.Table [ [ "variant"; "image AUROC" ]; [ "level2"; "90.0" ]; [ "level1"; "80.0" ] ] "table"
            Expect.stringContains ablation.Note "No p values" "one pair"

        testCase "variants are tested against the first, pair by pair"
        <| fun () ->
            let cells variant aurocs = aurocs |> List.mapi (fun seed auroc -> record variant "bottle" seed "paper" [ "aupro", auroc ])

            let ablation =
                cells "level1" [ 0.1; 0.2; 0.3; 0.4; 0.55 ] @ cells "level2" [ 0.0; 0.0; 0.0; 0.0; 0.0 ]
                |> Ablation.byMetric [ "aupro" ] "name" "title" [ "level1"; "level2" ]

            Expect.equal (ablation.Table |> List.map List.last) [ "p"; ""; "0.017" ] "p"

        testCase "a line per category runs over the variants, objects and textures apart"
        <| fun () ->
            let ablation =
                [
                    record "f1-4" "tile" 0 "paper" [ "aupro", 0.7 ]
                    record "f1-4" "bottle" 0 "paper" [ "aupro", 0.8; "pixel_auroc", 0.9 ]
                    record "f1-8" "bottle" 0 "paper" [ "aupro", 0.9 ]
                ]
                |> Ablation.byCategory [ "pixel_auroc"; "aupro" ] "name" "title" [ "f1-2"; "f1-4"; "f1-8" ]

            Expect.equal
                ablation.Table
                [
                    [ "metric"; "category"; "f1-4"; "f1-8" ]
                    [ "pixel AUROC"; "bottle"; "90.0"; "–" ]
                    [ "AUPRO"; "bottle"; "80.0"; "90.0" ]
                    [ "AUPRO"; "tile"; "70.0"; "–" ]
                ]
                "table"

            Expect.equal
                (ablation.Figures |> List.map _.Id)
                [ "name-pixel_auroc-objects"; "name-aupro-objects"; "name-aupro-textures" ]
                "figures"

        testCase "levels are rows in the order of their depth, the sum last"
        <| fun () ->
            let levels = [ for level in [ 10; 2; 1 ] -> $"image_auroc.level_{level}", float level / 10.0 ]

            let ablation =
                [ record "sed" "bottle" 0 "paper" (("image_auroc", 0.99) :: levels) ] |> Ablation.byLevel "name" "title" [ "sed" ]

            Expect.equal ablation.Table.Tail [ [ "1"; "10.0" ]; [ "2"; "20.0" ]; [ "10"; "100.0" ]; [ "sum"; "99.0" ] ] "rows"

        testCase "a working point is taken at level 7, or at the deepest level"
        <| fun () ->
            let rates levels = [ for level in levels -> $"achieved_fpr.level_{level}.sigma3", float level / 100.0 ]

            let ablation =
                [ record "nine" "bottle" 0 "paper" (rates [ 6; 7; 9 ]); record "five" "bottle" 0 "paper" (rates [ 3; 5 ]) ]
                |> Ablation.workingPoint "name" "title" [ "nine"; "five" ]

            Expect.equal ablation.Table[3] [ "3"; "0.26998"; "7.0"; "–"; "5.0"; "–" ] "three sigma"

        testCase "four pairs have no p value"
        <| fun () ->
            let cells variant aurocs = aurocs |> List.mapi (fun seed auroc -> record variant "bottle" seed "paper" [ "aupro", auroc ])

            let ablation =
                cells "level1" [ 0.1; 0.2; 0.3; 0.4 ] @ cells "level2" [ 0.0; 0.0; 0.0; 0.0 ]
                |> Ablation.byMetric [ "aupro" ] "name" "title" [ "level1"; "level2" ]

            Expect.equal ablation.Table.Head [ "variant"; "AUPRO" ] "no column p"

        testCase "each method and network is represented by its most faithful variant, whatever it scores"
        <| fun () ->
            let on network record = { record with Weights = [ { Name = network; Sha256 = ""; Architecture = network } ] }

            let published = [
                number "resnet18" "bottle" 0.9 None
                { number "resnet18" "bottle" 0.9 None with Paper = "dfr"; Method = "dfr" }
            ]

            let records = [
                record "level1" "bottle" 0 "paper" [ "image_auroc", 0.99 ] |> on "resnet18"
                record "resnet18" "bottle" 0 "quick" [ "image_auroc", 0.98 ] |> on "resnet18"
                record "resnet18" "bottle" 0 "paper" [ "image_auroc", 0.7 ] |> on "resnet18"
                record "resnet18+epochs=1" "bottle" 0 "paper" [ "image_auroc", 1.0 ] |> on "resnet18"
                record "resnet18_cntk" "bottle" 0 "quick" [ "image_auroc", 0.6 ] |> on "resnet18_cntk"
                { record "f1-8" "bottle" 0 "paper" [ "image_auroc", 0.8 ] with Paper = "dfr" }
            ]

            let rows (records: RunRecord list) = [
                for row in (BetweenPapers.table published "name" records).Table.Tail -> row[1], row[2], row[3], row[4], row[5]
            ]

            let chosen = [
                "hfae", "resnet18", "resnet18", "paper", "70.0"
                "hfae", "resnet18_cntk", "resnet18_cntk", "quick", "60.0"
                "dfr", "none", "f1-8", "paper", "80.0"
            ]

            Expect.equal (rows records) chosen "chosen"

            let mirrored = records |> List.map (fun cell -> { cell with Metrics = cell.Metrics |> Map.map (fun _ value -> 1.0 - value) })
            let names = List.map (fun (paper, network, variant, profile, _) -> paper, network, variant, profile)
            Expect.equal (names (rows mirrored)) (names chosen) "the same with all scores turned round"

        testCase "seconds count features that other cells left in the cache"
        <| fun () ->
            let cell seed features = {
                record "resnet18" "bottle" seed "paper" [ "image_auroc", 0.9 ] with
                    Seconds = Map.ofList [ "features", features; "fit", 2.0 ]
            }

            let seconds cells =
                let table = (BetweenPapers.table [] "name" cells).Table
                let column = table.Head |> List.findIndex ((=) "seconds")
                table.Tail |> List.map (List.item column)

            Expect.equal (seconds [ cell 0 10.0; cell 1 0.5 ]) [ "12.0" ] "ten seconds of features in both"

            let cached = { cell 0 0.01 with Weights = [ { Name = "resnet18"; Sha256 = ""; Architecture = "resnet18" } ] }
            Expect.equal (seconds [ cached ]) [ "≥ 2.0" ] "300 images in 10 milliseconds were read"
    ]

[<Tests>]
let tests = testList "analysis" [ repetitions; files; judgement; printing; ablations ]
