"""Averages and spreads; lengths, areas and volumes; speeds."""

# fmt: off
from __future__ import annotations

from training.ask import simple
from training.slots import digits, numbers, plain, real, same, whole

simple("average", "[[What is|Calculate|Find|Compute] the [average|mean|arithmetic mean] of {l}?"
       "|mean of {l}|average of {l}|[Average|Mean] value: {l}|What do {l} average [out to|]?|On average, how much are {l}?"
       "|[These|Here] are my numbers: {l}. What do they average?|{l} - the [average|mean]?|Take the [average|mean] of {l}.|If I average {l}, what comes out?"
       "|The sum of {l} divided by how many they are|Average out {l} for me.|avg({l})|the arithmetic mean for {l}|Temperatures this week: {l}. The average temperature?"
       "|We measured {l}. On average?|I sold {l} pieces on these days; how many a day on average?|How high is the mean of the values {l}?|What is the mean value if I have {l}?]", "numbers = {l}\nprint(round(sum(numbers) / len(numbers), 4))", "The average is {0}.", l=numbers())
simple("median", "[[What is|Calculate|Find] the median of {l}?"
       "|median of {l}|[The middle value|The value in the middle] of {l} when sorted|Which number is in the middle of {l} once they are in order?|median: {l}"
       "|{l} - what is the median?|My data are {l}. Their median?|Half of the values are below it, half above: which number is that for {l}?|Take the median of {l}."
       "|house prices {l}, median price?|[Order|Sort] {l} and tell me the middle one.|the median value among {l}|I want the median, not the mean, of {l}|The 50th percentile of {l}]", "import statistics\nprint(statistics.median({l}))", "The median is {0}.", l=numbers())
simple("mode", "[What is the mode of {l}?|Which number occurs most often in {l}?"
       "|mode of {l}|Which value comes up most in {l}?|most frequent number: {l}|In {l}, which number is the most common?|What number do I see most often in {l}?|{l} - the mode?"
       "|Which of {l} is repeated the most?|I rolled {l}. Which number came most often?|Votes: {l}. Which number got the most votes?|the most common value among {l}"
       "|Shoe sizes sold today: {l}. The size sold most?|What is the modal value of {l}?]", "import statistics\nprint(statistics.mode({l}))", "The most common number is {0}.", l=numbers(6, 12, 1, 6))
simple("deviation", "[[What is|Calculate|Compute] the standard deviation of {l}?"
       "|standard deviation of {l}|std of {l}|stdev {l}|How much do {l} vary, as a standard deviation?|sample standard deviation: {l}|{l} - the standard deviation?"
       "|How far do the values {l} typically lie from their mean, as standard deviation?|Give me sigma for {l}.|My measurements are {l}. What is their standard deviation?"
       "|the SD of {l}|[How large|How big] is the standard deviation for {l}?|the square root of the variance of {l}|Take the standard deviation of {l}.]", "import statistics\nprint(round(statistics.stdev({l}), 4))", "The standard deviation is {0}.", l=numbers())
simple("variance", "[[What is|Calculate|Compute] the variance of {l}?"
       "|variance of {l}|var({l})|{l} - the variance?|sample variance: {l}|What variance do the values {l} have?|My measurements are {l}. What is their variance?"
       "|[How large|How big] is the variance for {l}?|the standard deviation squared of {l}|Take the variance of {l}.|the mean squared distance from the mean (sample) for {l}"
       "|[I need|Tell me] the statistical variance of {l}|data {l}, variance?]", "import statistics\nprint(round(statistics.variance({l}), 4))", "The variance is {0}.", l=numbers())
simple("spread", "[What is the [range|difference between the largest and the smallest number] of {l}?"
       "|range of {l}|Largest minus smallest of {l}|How far apart are the smallest and the largest of {l}?|maximum minus minimum of {l}|{l} - biggest minus smallest?"
       "|The span from lowest to highest in {l}?|By how much does the highest of {l} exceed the lowest?|spread between the extremes of {l}"
       "|Temperatures were {l}. The gap between the warmest and the coldest?|My times are {l}. How big is the gap between best and worst?|take the smallest of {l} from the largest"
       "|How wide is the range of {l}?|difference of max and min: {l}]", "numbers = {l}\nprint(round(max(numbers) - min(numbers), 4))", "The range is {0}.", l=numbers())
simple("weighted grades", "[My grades are {l}. What is my average?|I got {l} in my tests. What is my mean grade?"
       "|School grades: {l}. Average?|[My marks|My results|My points] are {l}; what do I have on average?|I have the marks {l} this term. My average mark?"
       "|Report card: {l}. The mean?|Average grade for {l}|With {l} on my exams, what is the average?|My son got {l}. What is his average mark?|grade average of {l}"
       "|the teacher gave me {l}, average?|So far I have {l} as grades. How do I stand on average?|Marks {l}, all counting the same: final mark?"
       "|On my tests I had {l}. What does that average to?]", "numbers = {l}\nprint(round(sum(numbers) / len(numbers), 4))", "Your average is {0}.", l=numbers(4, 8, 1, 20))

simple("circle area", "[[What is|Calculate|Find] the area of a circle [with|of] radius {a}[ cm| m|]?"
       "|[Area of|How big is|How large is] a circle with radius {a}?|A circle has a radius of {a}. How much area does it cover?"
       "|A round [table|pond|lawn] has a radius of {a} m. What is its area?|pi r squared for r = {a}|radius {a}, area of the circle?"
       "|How much [grass|paint|cloth] covers a disc of radius {a}?|circle, r = {a}: area|A goat on a rope of {a} m can graze how many square metres?"
       "|The area inside a circle whose radius is {a}|A sprinkler reaches {a} m in every direction. What area does it water?"
       "|How many square metres is a round plot of radius {a} m?|surface of a disc with a radius of {a} cm|if the radius is {a}, how much area has the circle]", "import math\nprint(round(math.pi * {a} ** 2, 4))", "The area is {0}.", a=real(1, 90))
simple("circle round", "[[What is|Calculate] the circumference of a circle [with|of] [radius {a}]?"
       "|Circumference of a circle with radius {a}|How far is it around a circle of radius {a}?|A circle has radius {a}. How long is its edge?|2 pi r for r = {a}"
       "|radius {a}, circumference?|A round [pond|lake|track] has a radius of {a} m. How far is one lap?|How long a fence goes around a round garden of radius {a} m?"
       "|circle, r = {a}: circumference|A wheel of radius {a} cm rolls once around. How far does it get?|perimeter of a circle, radius {a}"
       "|The length around a disc with a radius of {a}|How much ribbon goes once around a cake of radius {a} cm?|if the radius is {a}, how long is the way around the circle]", "import math\nprint(round(2 * math.pi * {a}, 4))", "The circumference is {0}.", a=real(1, 90))
simple("rectangle", "[[What is|Calculate|Find] the area of a [rectangle|room|field|garden] [of|that is|measuring] {a} by {b}[ m| cm|]?"
       "|A [room|wall|carpet|lawn] is {a} m long and {b} m wide. How many square metres is it?|{a} by {b} rectangle, area|area of {a} x {b}|length {a}, width {b}: area?"
       "|How much carpet for a room of {a} by {b} metres?|A rectangle has sides of {a} and {b}. What area does it have?|How big is a plot of {a} m by {b} m?"
       "|The wall is {a} m wide and {b} m high. Area to paint?|square metres of a {a} m by {b} m floor|A sheet of {a} by {b} cm has how many square cm?"
       "|[The floor|Our terrace] measures {a} by {b}. Its area?|How much space does a rectangle of {a} times {b} take up?|One side is {a}, the other {b}; area of the rectangle?"
       "|A screen of {a} by {b} inches: square inches?]", "print(round({a} * {b}, 4))", "The area is {0}.", a=real(2, 90), b=real(2, 90))
simple("perimeter", "[[What is|Calculate] the perimeter of a [rectangle|field|garden] [of|measuring] {a} by {b}?"
       "|Perimeter of a rectangle {a} by {b}|How much fence for a [field|garden|meadow] of {a} by {b} metres?"
       "|A rectangle has sides of {a} and {b}. How far is it all the way around?|{a} by {b} rectangle, perimeter|length {a}, width {b}: perimeter?"
       "|I walk once around a field of {a} m by {b} m. How far is that?|[A picture|A photo] of {a} by {b} cm needs a frame. How much edge in all?"
       "|How long is the edge of a {a} by {b} table, all four sides?|the distance around a plot {a} long and {b} wide|Skirting for a room {a} m by {b} m, all four walls?"
       "|Sum of all sides of a rectangle {a} by {b}|How much lace goes around a cloth of {a} x {b}?|one lap around a {a} x {b} pitch]", "print(round(2 * ({a} + {b}), 4))", "The perimeter is {0}.", a=real(2, 90), b=real(2, 90))
simple("triangle", "[[What is|Find] the area of a triangle with base {a} and height {b}?"
       "|Area of a triangle: base {a}, height {b}|A triangle is {a} wide at the base and {b} high. Its area?|base {a}, height {b}, triangle area"
       "|How big is a triangle with a base of {a} and a height of {b}?|half of base times height with {a} and {b}"
       "|A triangular [sail|garden|flag] has base {a} m and height {b} m. How many square metres?|triangle, {a} at the bottom, {b} tall: area?"
       "|The gable is {a} m wide and {b} m high, a triangle. Area?|How much cloth is in a triangular sail, {a} m at the foot and {b} m high?"
       "|{b} is the height and {a} the base of a triangle; what area?|[How large|How big] is the area of the triangle with g = {a} and h = {b}, base and height?"
       "|surface of a triangle with base {a} and height {b}]", "print(round({a} * {b} / 2, 4))", "The area is {0}.", a=real(2, 90), b=real(2, 90))
simple("hypotenuse", "[[What is|How long is|Find] the hypotenuse of a right triangle with [legs|sides] {a} and {b}?"
       "|Right triangle, legs {a} and {b}: longest side?|Pythagoras: {a} and {b}|How long is the diagonal of a rectangle {a} by {b}?|sqrt of {a}² + {b}²"
       "|A screen is {a} wide and {b} high. How long is its diagonal?|I walk {a} m east and {b} m north. How far am I from where I began, straight?"
       "|A ladder stands {a} m from the wall and touches it {b} m up. How long is the ladder?|the third side of a right-angled triangle with short sides {a} and {b}"
       "|legs {a}, {b}; hypotenuse?|A ramp rises {b} over a ground length of {a}. How long is the ramp itself?"
       "|[How long|What length] is the side opposite the right angle if the others are {a} and {b}?|diagonal of a {a} by {b} field"
       "|If a = {a} and b = {b} in a right triangle, c = ?]", "import math\nprint(round(math.hypot({a}, {b}), 4))", "The hypotenuse is {0}.", a=real(2, 60), b=real(2, 60))
simple("sphere", "[[What is|Calculate] the volume of a [sphere|ball] [with|of] radius {a}?"
       "|Volume of a sphere, radius {a}|How much fits into a ball of radius {a}?|A ball has a radius of {a} cm. How many cubic cm is it?|sphere, r = {a}: volume"
       "|4/3 pi r cubed for r = {a}|A round balloon of radius {a} dm holds how much air?|radius {a}, volume of the sphere?|How big in volume is a globe with radius {a}?"
       "|A spherical tank with a radius of {a} m. Its content in cubic metres?|the space inside a sphere of radius {a}|If a planet has radius {a}, what is its volume?"
       "|volume: ball, {a} radius|An orange is a ball of radius {a} cm. What is its volume?]", "import math\nprint(round(4 / 3 * math.pi * {a} ** 3, 4))", "The volume is {0}.", a=real(1, 40))
simple("cylinder", "[[What is|Calculate] the volume of a cylinder with radius {a} and height {b}?"
       "|Volume of a cylinder, radius {a}, height {b}|A can has radius {a} cm and is {b} cm high. How much does it hold?"
       "|How much water fits in a round tank of radius {a} m and height {b} m?|cylinder, r = {a}, h = {b}: volume|pi r² h with r = {a} and h = {b}"
       "|A pipe of radius {a} and length {b}: its volume inside?|radius {a}, height {b}, what volume has the cylinder?"
       "|A round pool, {a} m radius, {b} m deep. How many cubic metres?|A candle is {b} cm tall with radius {a} cm. How much wax?"
       "|the content of a cylinder {b} high whose radius is {a}|A well of radius {a} m is dug {b} m deep. How much earth comes out?"
       "|A log has radius {a} and length {b}. Its volume?]", "import math\nprint(round(math.pi * {a} ** 2 * {b}, 4))", "The volume is {0}.", a=real(1, 30), b=real(1, 60))
simple("box volume", "[[What is|Calculate] the volume of a box of {a} by {b} by {c}?"
       "|Volume of {a} x {b} x {c}|A box is {a} long, {b} wide and {c} high. What does it hold?|length {a}, width {b}, height {c}: volume?"
       "|How much fits into a crate of {a} by {b} by {c}?|An aquarium measures {a} by {b} by {c} cm. How many cubic cm?|{a} by {b} by {c} box, volume"
       "|A room of {a} m by {b} m is {c} m high. How many cubic metres of air?|cubic content of a parcel {a} x {b} x {c}"
       "|A hole {a} m long, {b} m wide and {c} m deep: how much earth?|The edges of a brick are {a}, {b} and {c}. Volume?|How much space is in a cupboard {a} by {b} by {c}?"
       "|A pool of {a} by {b} m is filled {c} m deep. How much water, in cubic metres?|a cuboid with sides {a}, {b}, {c} has which volume]", "print(round({a} * {b} * {c}, 4))", "The volume is {0}.", a=real(1, 60), b=real(1, 60), c=real(1, 60))
simple("distance", "[[What is|How far is|Find] the distance between the points ({a}, {b}) and ({c}, {d})?"
       "|Distance from ({a}, {b}) to ({c}, {d})|How far apart are ({a}, {b}) and ({c}, {d})?|({a}, {b}) to ({c}, {d}): distance|A = ({a}, {b}), B = ({c}, {d}). How long is AB?"
       "|Length of the line from ({a}, {b}) to ({c}, {d})|straight line distance between ({a}, {b}) and ({c}, {d})"
       "|On a grid, how far is it from ({a}, {b}) to ({c}, {d}) as the crow flies?"
       "|My house is at ({a}, {b}) on the map, the school at ({c}, {d}). How far is that in a straight line?|euclidean distance ({a}, {b}), ({c}, {d})"
       "|How long is the segment with ends ({a}, {b}) and ({c}, {d})?|Two points, ({a}, {b}) and ({c}, {d}). Their distance?"
       "|A ship sails straight from ({a}, {b}) to ({c}, {d}). How long is its way?]", "import math\nprint(round(math.dist(({a}, {b}), ({c}, {d})), 4))", "The distance is {0}.", a=plain(-20, 20), b=plain(-20, 20), c=plain(-20, 20), d=plain(-20, 20))
simple("travel time", "[How long does it take to [drive|travel|go] {a} km at {b} km/h?|{a} km at {b} km/h, how many hours?"
       "|At {b} km/h, how long do {a} km take?|{a} km to go, speed {b} km/h. How many hours?|I drive {b} km/h and have {a} km ahead of me. When am I there, in hours?"
       "|time for {a} km at {b} km/h|How many hours for {a} km if I do {b} km an hour?|The train goes {b} km/h. The way is {a} km long. Travel time?"
       "|distance {a} km, speed {b} km/h, duration in hours?|How long will I be on the road for {a} km at {b} km/h?"
       "|We cover {b} km every hour. How many hours do we need for {a} km?|A truck has {a} km to go at {b} km/h. How long does it need?"
       "|hours needed for {a} km at an average of {b} km/h|My uncle lives {a} km away. At {b} km/h I need how long to get there?"
       "|A storm {a} km away moves at {b} km/h towards us. In how many hours is it here?]", "print(round({a} / {b}, 4))", "It takes {0} hours.", a=digits(20, 2000), b=plain(20, 140))
simple("speed", "[What is my [average|] speed if I [drive|ride|walk] {a} km in {b} hours?|{a} km in {b} hours is how many km/h?"
       "|I [drove|rode|went] {a} km in {b} hours. How fast was I?|{a} km in {b} hours, speed?|How fast do I have to go to cover {a} km in {b} hours?"
       "|average speed: {a} km, {b} hours|The train needs {b} hours for {a} km. What is its speed?|distance {a} km, time {b} hours, km/h?"
       "|It took us {b} hours for {a} km; our average speed?|km per hour if I do {a} km within {b} hours|A cyclist covers {a} km in {b} hours. How many km does he do an hour?"
       "|We sailed {a} km and it took {b} hours. How fast were we?|What speed gets me {a} km far in {b} hours?|A bird flew {a} km in {b} hours. Its speed in km/h?"
       "|At what speed do you drive if {a} km take {b} hours?]", "print(round({a} / {b}, 4))", "The speed is {0} km/h.", a=digits(10, 900), b=whole(2, 12))
simple("bmi", "[What is [my|the] BMI [at|with|for] {a} kg and {b} m?|I weigh {a} kg and am {b} m tall. What is my BMI?"
       "|BMI for {a} kg, {b} m|{a} kg at {b} m, body mass index?|My weight is {a} kg and my height is {b} m. BMI?|body mass index: {a} kg, {b} m"
       "|How high is the BMI of someone with {a} kg and {b} m?|I am {b} m and {a} kg. Which BMI do I have?|height {b} m, weight {a} kg, bmi"
       "|She is {b} metres tall and weighs {a} kilos. Her BMI?|[My doctor asks|They want to know] my BMI: {a} kg, {b} m tall"
       "|{a} kilos divided by {b} m squared, the body mass index|Which body mass index has a person of {b} m who weighs {a} kg?|a man, {b} m, {a} kg: his bmi please]", "print(round({a} / {b} ** 2, 4))", "The BMI is {0}.", a=plain(45, 120), b=lambda r: same(f"{r.uniform(1.5, 2.05):.2f}"))
simple("fuel", "[How much [fuel|petrol] do I need for {a} km at {b} litres per 100 km?|My car uses {b} l/100km. How much fuel for {a} km?"
       "|{a} km at {b} l/100 km, how many litres?|The car needs {b} litres per 100 km. How much for {a} km?"
       "|We drive {a} km. The car drinks {b} litres on 100 km. How many litres do we burn?|fuel for {a} km, consumption {b} l per 100 km"
       "|How many litres of [petrol|diesel] go into a trip of {a} km at {b} litres per 100 km?|consumption {b} l/100km, distance {a} km: litres?"
       "|My van takes {b} litres for every 100 km. The trip is {a} km. Fuel needed?|If 100 km take {b} litres, how many litres do {a} km take?"
       "|Holiday trip: {a} km, car uses {b} l per 100 km. How much must I fill up?|{b} litres every hundred kilometres over {a} kilometres|petrol needed, {a} km, {b} l/100 km"
       "|For each 100 km it swallows {b} litres; for {a} km that makes?]", "print(round({a} * {b} / 100, 4))", "You need {0} litres.", a=digits(20, 2000), b=real(4, 12, 1))
