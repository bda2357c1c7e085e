/// A model behind HTTP, and one that watches a folder.
module Reproduction.Tests.Serving

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Http
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open Expecto
open Repro
open Repro.Serving
open Repro.Verbs
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Surfaces
open Reproduction.Tests.Bench

/// A small model, fitted once; it localises.
let private fitted =
    lazy
        (let good = Photographs.Of [| for index in 0..9 -> cloth "train" "good" index |]
         let model = Model.Fit("ssae", good, FitOptions(Profile = Profile.Smoke))
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> model.Dispose())
         model)

let private options = ServerOptions(IPAddress.Loopback, 0, 1_000_000L, 8)

let private serving (model: Model) (work: HttpClient -> Task) () =
    let run =
        task {
            use server = new Server(model, options)
            let! address = server.StartAsync()
            use client = new HttpClient(BaseAddress = address)
            do! work client
        }

    run.GetAwaiter().GetResult()

let private post (client: HttpClient) (path: string) (bytes: byte[]) =
    task {
        use content = new ByteArrayContent(bytes)
        use! answer = client.PostAsync(path, content)
        let! text = answer.Content.ReadAsStringAsync()
        return int answer.StatusCode, JsonDocument.Parse(text).RootElement
    }

let private error (element: JsonElement) = element.GetProperty("error").GetString() |> nonNull

let private rows file = File.ReadAllLines file |> Array.skip 1 |> Array.map (fun line -> line.Split ',')

[<Tests>]
let tests =
    testSequenced
    <| testList "serving" [
        testCase "a picture's bytes give the score that the library gives, with regions and links"
        <| fun () ->
            serving
                fitted.Value
                (fun client ->
                    task {
                        let image = cloth "test" "hole" 0
                        let! status, answer = post client "score?name=hole.png" (ImageFile.EncodePng image)
                        Expect.equal status 200 "scored"
                        let expected = fitted.Value.Score image
                        Expect.equal (answer.GetProperty("score").GetSingle()) expected.Score.Value "the same score"
                        Expect.equal (answer.GetProperty("name").GetString()) "hole.png" "its name"
                        Expect.equal (answer.GetProperty("verdict").GetString()) ((string expected.Verdict).ToLowerInvariant()) "verdict"
                        Expect.equal (answer.GetProperty("regions").GetArrayLength()) (expected.FindRegions().Count) "regions"

                        for link in [ "photograph"; "overlay" ] do
                            let! bytes = client.GetByteArrayAsync(answer.GetProperty(link).GetString())
                            let shown = ImageFile.Decode(ReadOnlySpan bytes, link)
                            Expect.equal (shown.Width, shown.Height) (image.Width, image.Height) link

                        let! page = client.GetStringAsync "/"
                        Expect.stringContains page "hole.png" "the page shows it"
                        Expect.stringContains page "id=\"files\"" "the page takes photographs"
                        let! results = client.GetStringAsync "results"
                        Expect.equal (JsonDocument.Parse(results).RootElement.GetProperty("results").GetArrayLength()) 1 "its data"
                        let! health = client.GetStringAsync "health"
                        Expect.stringContains health "\"status\":\"ok\"" "health"
                        let! metrics = client.GetStringAsync "metrics"
                        Expect.stringContains metrics "repro_requests_total{code=\"200\"} 1" "metrics"
                        Expect.stringContains metrics "repro_picture_seconds_count 1" "a histogram"
                    })
                ()

        testCase "what is no picture is one JSON error, and the server goes on"
        <| fun () ->
            serving
                fitted.Value
                (fun client ->
                    task {
                        let whole = ImageFile.EncodePng(cloth "test" "good" 0)
                        let! status, answer = post client "score?name=torn.png" (Array.take (whole.Length / 2) whole)
                        Expect.equal status 422 "torn"
                        Expect.stringContains (error answer) "torn.png" "is named"
                        let! status, answer = post client "score" [||]
                        Expect.equal (status, (error answer).Contains "empty") (422, true) "nothing"
                        let! status, answer = post client "score" (Array.zeroCreate 1_500_000)
                        Expect.equal (status, (error answer).Contains "1000000 bytes") (413, true) "too large"
                        use! missing = client.GetAsync "nowhere"
                        Expect.equal missing.StatusCode HttpStatusCode.NotFound "no page"
                        use! forgotten = client.GetAsync "overlays/99.jpg"
                        Expect.equal forgotten.StatusCode HttpStatusCode.NotFound "no picture"

                        use form = new MultipartFormDataContent()
                        form.Add(new ByteArrayContent(whole), "file", "good.png")
                        form.Add(new ByteArrayContent([| 1uy; 2uy |]), "file", "bad.png")
                        use! answer = client.PostAsync("score", form)
                        let! text = answer.Content.ReadAsStringAsync()
                        let both = JsonDocument.Parse(text).RootElement
                        Expect.equal (both[0].GetProperty("name").GetString()) "good.png" "judged"
                        Expect.stringContains (error both[1]) "bad.png" "told"
                        let! status, _ = post client "score" whole
                        Expect.equal status 200 "goes on"
                    })
                ()

        testCase "many clients at once: each picture has its own score, whatever came before; old pictures are forgotten"
        <| fun () ->
            serving
                fitted.Value
                (fun client ->
                    task {
                        let images = [| for i in 0..3 -> cloth "test" (if i % 2 = 0 then "good" else "hole") i |]
                        let files = images |> Array.map ImageFile.EncodePng
                        let expected = images |> Array.map (fun image -> fitted.Value.Score(image).Score.Value)
                        let wrong = ConcurrentBag<string>()

                        do!
                            Parallel.ForEachAsync(
                                seq { 0..199 },
                                ParallelOptions(MaxDegreeOfParallelism = 8),
                                Func<int, CancellationToken, ValueTask>(fun i _ ->
                                    task {
                                        if i % 100 = 7 then
                                            let! status, _ = post client "score" (Array.take 100 files[0])
                                            if status <> 422 then wrong.Add $"{i}: {status} for a broken one"
                                        else
                                            let! status, answer = post client "score" (files[i % 4])

                                            if status <> 200 || answer.GetProperty("score").GetSingle() <> expected[i % 4] then
                                                wrong.Add $"{i}: {status} {answer}"
                                    }
                                    |> ValueTask)
                            )

                        Expect.isEmpty wrong "every answer"
                        let! results = client.GetStringAsync "results"
                        let kept = JsonDocument.Parse(results).RootElement.GetProperty("results")
                        Expect.equal (kept.GetArrayLength()) 8 "the last ones are kept"
                    })
                ()

        testCase "serve says where it listens, takes a model's file, and refuses a port that is taken"
        <| inFolder (fun at ->
            fitted.Value.Save(at "model")
            let taken = new Sockets.TcpListener(IPAddress.Loopback, 0)
            taken.Start()
            let port = (taken.LocalEndpoint :?> IPEndPoint).Port

            try
                let code, _, error = repro [ "serve"; "--model"; at "model"; "--port"; string port ]
                Expect.equal code 1 error
                Expect.stringContains error $"port {port}" "the port is named"
                let code, _, error = repro [ "serve"; "--model"; at "model"; "--host"; "nowhere" ]
                Expect.equal code 2 error
            finally
                taken.Stop())

        testCase "watch judges each picture once, waits for one that is not complete, and goes on after it was ended"
        <| inFolder (fun at ->
            fitted.Value.Save(at "model")
            Directory.CreateDirectory(at "in") |> ignore
            let watch = WatchOptions(at "in", false, TimeSpan.FromMilliseconds 20.0, TimeSpan.FromHours 1.0)

            let look times =
                use print = new StringWriter()
                use run = new WatchRun(fitted.Value, at "model", watch, at "out", print)
                let left = [ for _ in 1..times -> run.Look CancellationToken.None ]
                List.last left, print.ToString()

            let names () = rows (at "out/scores.csv") |> Array.map (fun row -> Path.GetFileName row[0], row[3])
            let whole = ImageFile.EncodePng(cloth "test" "good" 1)
            File.WriteAllBytes(at "in/a.png", ImageFile.EncodePng(cloth "test" "good" 0))
            File.WriteAllBytes(at "in/b.png", whole[.. whole.Length / 2])

            // The half picture is new enough to be on its way.
            let left, _ = look 2
            Expect.equal left 1 "one waits"
            Expect.equal (Array.map fst (names ())) [| "a.png" |] "the other is judged"

            // Another process, as it were, and the picture has come.
            File.WriteAllBytes(at "in/b.png", whole)
            let left, told = look 2
            Expect.equal left 0 "none waits"
            Expect.equal (Array.map fst (names ())) [| "a.png"; "b.png" |] "each once, in their order"
            Expect.isFalse (told.Contains "a.png") "a.png was judged before"

            // A bad file is a row once it has settled; nothing else is judged again.
            File.WriteAllText(at "in/c.png", "no picture")
            File.SetLastWriteTimeUtc(at "in/c.png", DateTime.UtcNow.AddHours -2.0)
            let _, _ = look 3
            Expect.equal (names ()).[2] ("c.png", "unreadable") "told"
            Expect.hasLength (names ()) 3 "once"

            // Cut off in the middle of a line.
            let journal = at "out/watch.jsonl"
            let bytes = File.ReadAllBytes journal
            File.WriteAllBytes(journal, bytes[.. bytes.Length - 20])
            let _, _ = look 3
            Expect.hasLength (names ()) 3 "c.png is judged again, the others are not"
            Expect.isTrue (File.Exists(at "out/index.html")) "the page"

            File.WriteAllBytes(at "other", File.ReadAllBytes(at "model"))
            File.AppendAllText(at "other", " ")

            let message =
                try
                    use run = new WatchRun(fitted.Value, at "other", watch, at "out", TextWriter.Null)
                    ""
                with :? Reproduction.UserError as error ->
                    error.Message

            Expect.stringContains message "another model" "a folder belongs to a model")

        testCase "watch --once as a user types it, and not into the pictures' own folder"
        <| inFolder (fun at ->
            fitted.Value.Save(at "model")
            Directory.CreateDirectory(at "in") |> ignore
            File.WriteAllBytes(at "in/a.png", ImageFile.EncodePng(cloth "test" "good" 0))
            let code, output, error = repro [ "watch"; at "in"; "--model"; at "model"; "--out"; at "out"; "--once" ]
            Expect.equal code 0 error
            Expect.stringContains output "1 pictures" output
            Expect.hasLength (rows (at "out/scores.csv")) 1 "a row"
            let code, _, error = repro [ "watch"; at "in"; "--model"; at "model"; "--out"; at "in"; "--once" ]
            Expect.equal code 2 error)
    ]
