/// What a report says beside a variant that chance could have: its interval and what stands behind it. And the gallery's order.
module Reproduction.Tests.NearChance

open Expecto
open Reproduction.Analysis
open Reproduction.Tests

let private record variant repetition auroc fit = {
    Measurements.record variant "woven" repetition "quick" [ "image_auroc", auroc ] with
        Paper = "favae"
        Dataset = "surfaces"
        Seconds = Map.ofList [ "fit", 28.4 ]
        Fit = Map.ofList fit
}

/// Defective images that score above the good ones by this much; scores lie a tenth apart.
let private scores (shift: float) : ImageScore list = [
    for i in 0..15 -> { Image = $"good/{i}"; IsAnomalous = false; Score = float i / 10.0 }
    for i in 0..23 -> { Image = $"hole/{i}"; IsAnomalous = true; Score = float (i % 16) / 10.0 + shift }
]

let private near shift records = Chance.near (fun _ -> scores shift) records

let private panel category image errors : GalleryPanel = {
    GalleryPanel.Dataset = "surfaces"
    GalleryPanel.Category = category
    GalleryPanel.Image = image
    GalleryPanel.Images = [
        for error in errors ->
            {
                Record = record "vanilla" 0 0.5 []
                Image = image
                Defect = if (image: string).StartsWith "good" then "" else "hole"
                IsAnomalous = not (image.StartsWith "good")
                Score = 0.0
                Error = error
                Input = ""
                Mask = None
                Map = ""
                Overlay = ""
                Parts = []
            }
    ]
}

[<Tests>]
let tests =
    testList "near chance" [
        testCase "an AUROC whose interval reaches a half is said not to be told from chance, with the training behind it"
        <| fun () ->
            let found = near 0.0 [ record "vanilla" 0 0.45 [ "steps", 200.0; "loss", 3.0 ]; record "vanilla" 1 0.5 [ "steps", 200.0 ] ]
            Expect.hasLength found 1 "one remark for both seeds"
            let text = Text.nearChance found.Head
            Expect.isMatch text @"^not told from chance \(95 %: \d\d\.\d to \d\d\.\d\): quick trains 200 steps in 28 s, " "text"
            Expect.equal (Text.remark found (RunRecord.series (record "vanilla" 7 0.5 []))) text "of any of its seeds"
            Expect.equal (Text.remark found (RunRecord.series (record "other" 0 0.5 []))) "" "of no other variant"

        testCase "below chance is called that"
        <| fun () ->
            let text = near -1.0 [ record "vanilla" 0 0.1 [] ] |> List.exactlyOne |> Text.nearChance
            Expect.stringStarts text "below chance (95 %: " "text"

        testCase "where nothing is trained by steps no schedule is blamed"
        <| fun () ->
            let text = near 0.0 [ record "l2" 0 0.5 [] ] |> List.exactlyOne |> Text.nearChance
            Expect.isFalse (text.Contains "steps" || text.Contains "--profile") text

        testCase "a detector that finds things has no remark"
        <| fun () ->
            Expect.isEmpty (near 0.8 [ record "resnet18" 0 0.78 [] ]) "an interval above a half"
            Expect.isEmpty (near 0.8 [ record "resnet18" 0 0.99 [] ]) "far above"

        testCase "the gallery takes finds and errors in turn, finds of every category, each image once"
        <| fun () ->
            let panels = [
                panel "gear" "good/1" [ 0.9; 0.2 ]
                panel "gear" "hole/1" [ 0.0; 0.0 ]
                panel "gear" "hole/2" [ 0.1; 0.1 ]
                panel "gear" "hole/3" [ 1.0; 0.9 ]
                panel "woven" "hole/1" [ 0.2; 0.1 ]
                panel "woven" "good/4" [ 0.3 ]
            ]

            let order = Gallery.inTurns panels |> List.map (fun panel -> $"{panel.Category} {panel.Image}")
            Expect.equal order [ "gear hole/1"; "gear hole/3"; "woven hole/1"; "gear good/1"; "gear hole/2"; "woven good/4" ] "order"

        testCase "a find that all methods drew comes before one that a single method drew"
        <| fun () ->
            let order = Gallery.inTurns [ panel "gear" "hole/1" [ 0.0 ]; panel "gear" "hole/2" [ 0.1; 0.2 ] ] |> List.map _.Image
            Expect.equal order [ "hole/2"; "hole/1" ] "order"
    ]
