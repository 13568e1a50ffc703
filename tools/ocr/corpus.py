"""The words of the pages: sentences in Russian, in English and in both, and what invoices and receipts say.

No sentence is longer than 80 characters: make_pages.py counts on it for the number of lines of a page.
There is no rouble sign: Liberation 1, which Debian still ships, has no glyph for it.
"""

from dataclasses import dataclass

RUSSIAN = """
Магазин на углу открывается в восемь утра и закрывается в десять вечера.
В отделе сыров сегодня скидка, но очередь тянется до самых дверей.
Продавщица взвесила яблоки, пробила чек и пожелала хорошего дня.
Свежий хлеб привозят дважды: рано утром и сразу после обеда.
Если товар не подошёл, верните его в течение 14 дней.
Щавель и укроп лежат на нижней полке, рядом с зелёным луком.
Кассир объяснил, почему цена на ценнике отличалась от цены в чеке.
Мы купили щётку, мыло и ещё два рулона бумажных полотенец.
Эту куртку можно примерить в третьей кабинке слева.
На распродаже осталось всего несколько пар зимних ботинок.
Хозяин лавки знает каждого покупателя по имени.
Пакет стоит недорого, однако сумка из дома удобнее.
Цветы лучше брать вечером, когда их отдают за полцены.
В мясном ряду шумно, зато выбор больше, чем в супермаркете.
Юбка оказалась мала, и её обменяли без лишних вопросов.
Доставка бесплатна, если сумма заказа больше 3000 рублей.
Пожалуйста, сохраните чек до конца гарантийного срока.
Ценники здесь меняют ночью, пока в зале никого нет.
Бабушка всегда проверяет сдачу, не отходя от кассы.
Рыбный отдел закрыт на уборку до половины третьего.
После обновления ноутбук стал включаться заметно быстрее.
Перед съёмкой проверьте, хватит ли места на карте памяти.
Экран погас, как только мы отсоединили зарядное устройство.
Пароль должен содержать не меньше двенадцати знаков.
Не выключайте компьютер, пока идёт запись на диск.
Файл слишком большой, поэтому письмо с ним не отправляется.
Щёлкните правой кнопкой мыши и выберите пункт «Свойства».
Резервную копию мы делаем каждую пятницу, в 18:30.
Клавиатура новая, а буква «ъ» уже западает.
Объём памяти указан на наклейке с обратной стороны корпуса.
Программа спросит, в какую папку сохранить отчёт.
Принтер зажевал лист и теперь мигает жёлтой лампочкой.
Чтобы увеличить шрифт, откройте настройки экрана.
Вентилятор шумит сильнее обычного: пора вычистить пыль.
Старый монитор отдали в школу, и он прослужит там ещё долго.
Сеть пропала во всём подъезде около полуночи.
Разъём для наушников находится на передней панели.
Мастер обещал вернуть телефон к четвергу.
Фотографии за прошлый год заняли почти весь диск.
Эту ошибку легко исправить: достаточно перезагрузить устройство.
Поезд отправляется с пятого пути в 7 часов 45 минут.
Билеты мы взяли заранее, поэтому места достались у окна.
До аэропорта проще доехать на электричке, чем на такси.
Чемодан весит 23 килограмма, и это ровно столько, сколько разрешено.
В гостинице нам дали номер с видом на старую площадь.
Экскурсия начинается у фонтана и длится около трёх часов.
Вечером подул сильный ветер, и паром задержали до утра.
Съезд с шоссе закрыт, придётся ехать через деревню.
Проводница принесла чай в подстаканниках и печенье.
От вокзала до набережной можно дойти пешком минут за двадцать.
Хребет виден из окна вагона, если нет тумана.
Мы объехали озеро кругом и вернулись к палатке уже затемно.
Расписание автобусов висит у входа, но оно прошлогоднее.
Юг встретил нас дождём, зато море было тёплым.
Фонари на перроне погасли раньше, чем пришёл последний поезд.
Шофёр не знал дороги и дважды свернул не туда.
Паспорт и страховку держите в разных карманах.
Цюрих нам понравился, хотя обед там стоит дорого.
Жаль, что музей по понедельникам не работает.
Ехать осталось недолго: за холмом уже блестит река.
Дорогая Ольга, спасибо за посылку и тёплые слова.
Здравствуйте, Пётр Ильич, пишу вам по поводу ремонта крыши.
Прошу прощения за поздний ответ: вся неделя ушла на переезд.
Твоё письмо шло девять дней и всё-таки дошло.
Передавай привет Юре и скажи, что мы ждём его в августе.
Мы хотели бы узнать, свободна ли ещё комната на втором этаже.
Надеюсь, что вы здоровы и что сад уже зацвёл.
Обязательно напиши, как прошёл экзамен по физике.
С уважением, Щербакова Анна Юрьевна, бухгалтер.
К письму прилагаю копию договора и две фотографии.
Ваше обращение зарегистрировано, ответ придёт до 30 сентября.
Целую, обнимаю и жду в гости на Новый год.
Извините, но в субботу мы прийти не сможем.
Если адрес изменится, сообщите нам, пожалуйста, заранее.
Дети выросли, и старший уже учится на инженера.
Открытку с маяком я храню в ящике письменного стола.
Фёдор просил узнать, подъедет ли он к нам с братом.
Эхо твоих рассказов до сих пор звучит за нашим столом.
Будем рады видеть вас на открытии выставки.
Ждать ли нам ответа или считать, что вопрос закрыт?
Перед первым включением внимательно прочитайте инструкцию.
Залейте кипятком, накройте крышкой и подождите пять минут.
Не мойте корпус горячей водой и не трите его жёсткой щёткой.
Вкрутите четыре шурупа, но пока не затягивайте их до упора.
Храните порошок в сухом месте, недоступном для детей.
Смешайте муку, яйцо и щепотку соли, затем добавьте молоко.
Принимать по одной таблетке дважды в день после еды.
Шаг третий: соедините провода одного цвета.
Выньте батарейки, если прибор долго не используется.
Подъём груза выше двух метров запрещён.
Хорошо взболтайте флакон перед употреблением.
Йод и бинт лежат в аптечке за водительским сиденьем.
Нажмите красную кнопку и удерживайте её три секунды.
Фильтр следует менять не реже одного раза в полгода.
Цифры на табло показывают температуру воды, а не воздуха.
Убедитесь, что дверца плотно закрыта, и поверните ключ.
Объявление: завтра с 9 до 12 горячей воды не будет.
Гвозди и петли входят в комплект, молоток — нет.
Ёлку поставьте подальше от батареи, иначе она быстро осыплется.
Сначала отрежьте лишнее, потом зачистите край наждачной бумагой.
Оплатите счёт в течение пяти рабочих дней.
Сумма прописью: двенадцать тысяч четыреста рублей 00 копеек.
Поставщик обязуется привезти мебель не позднее 15 мая.
Скидка в размере десяти процентов уже учтена в итоге.
Акт подписан обеими сторонами, претензий нет.
Бухгалтерия принимает документы до четырёх часов дня.
Аванс составляет треть стоимости, остаток вносится при получении.
Юридический адрес указан на последней странице договора.
Расход электроэнергии за месяц вырос на восемь процентов.
Этот платёж вернули, потому что в реквизитах была опечатка.
Цена указана с учётом налога и доставки до подъезда.
Исполнитель выставил счёт, а заказчик попросил отсрочку.
Квитанцию можно оплатить на почте или в банке.
Щит учёта осмотрен, пломбы целы, показания записаны.
Срок поставки изменён по взаимному согласию.
Утром выпал снег, и дворник расчищал дорожки до самого обеда.
Соседский щенок сгрыз тапок и спрятался под диван.
В библиотеке тихо, только шуршат страницы и тикают часы.
За чаем дедушка вспоминал, как строили мост через реку.
Летом мы сушили грибы, а зимой варили из них суп.
«Где же ключи?» — спросила мама и заглянула под коврик.
Попробуй этот пирог, он с вишней и корицей.
Эскалатор не работает, поднимайтесь по лестнице.
Хор репетирует в большом зале по вторникам и четвергам.
ВНИМАНИЕ: ИДЁТ СЪЁМКА, ПРОСИМ НЕ ШУМЕТЬ!
ВЫХОД С ДРУГОЙ СТОРОНЫ, ЧЕРЕЗ ПОДЪЕЗД.
ЭТОТ ЩИТ ПОД НАПРЯЖЕНИЕМ, НЕ ОТКРЫВАТЬ.
""".strip().splitlines()

ENGLISH = """
The corner shop opens at eight and stays open until ten in the evening.
Fresh bread arrives twice a day, and it is usually gone within an hour.
Could you tell me where the light bulbs are, please?
The cashier counted the change twice and smiled at the child.
These shoes are half a size too small, so I would like to exchange them.
A bag of apples costs less on Saturday than on any other day.
We ran out of milk, flour and, worst of all, coffee.
Keep your receipt in case you need to return the jacket.
The queue at the fish counter reached all the way to the exit.
Every fourth bottle is free until the end of the month.
She tried on six hats before she bought the very first one.
The price on the shelf did not match the price at the till.
Our grocer knows which melons are ripe just by tapping them.
Free delivery is offered on all orders over 50 euros.
The lamp looked bigger in the catalogue than it does on my desk.
Zucchini and squash are on sale in the vegetable aisle.
Paper bags are stacked next to the scales.
I only came in for soap, yet I left with a full basket.
Quality cheese is cheaper at the market behind the station.
The shop assistant wrapped the vase in three layers of paper.
The laptop starts much faster since the last update.
Do not switch off the computer while the disk is being written.
Choose a password that has at least twelve characters.
My keyboard lost its letter Q, and now every question is a puzzle.
The printer jammed again just before the meeting.
Right-click the folder and select "Properties" from the menu.
Backups are made every Friday at half past six.
The file is too large to be sent by mail, so share a link instead.
Our network was down for nearly 40 minutes last night.
Turn the monitor around to find the serial number.
The screen went dark as soon as we unplugged the charger.
Old phones make surprisingly good alarm clocks.
Please close all windows before you install the driver.
The fan is noisy because it is full of dust.
Nobody remembers who set up the server in the basement.
A small green light shows that the camera is recording.
You can zoom in with the wheel of the mouse.
Vera copied the photos to an external drive and labelled it.
If the problem persists, restart the device and try again.
The new version fixes a bug that had puzzled us for weeks.
The train to the coast leaves from platform five at 7:45.
We booked early and got two seats by the window.
Your suitcase may not weigh more than 23 kilograms.
From the station it is a short walk down to the harbour.
The ferry was delayed by fog until the next morning.
Our hotel room overlooked an old square with a fountain.
Take the second exit at the roundabout and follow the river.
The guide spoke so quietly that we missed half of the story.
It rained for three days, but the sea was still warm.
Keep your passport and your insurance in different pockets.
The museum is closed on Mondays and on public holidays.
A yellow bus takes hikers up to the lake twice a day.
We slept in a tent and woke up to the sound of cow bells.
Nothing beats a hot cup of tea on a cold night train.
Queen Street is blocked, so expect a long detour.
The view from the ridge was well worth the climb.
Zurich was lovely, although lunch was rather expensive.
Excuse me, does this tram stop near the botanical garden?
They missed the last boat and had to stay on the island.
Just behind the hill you will see the first houses.
Dear Margaret, thank you for the parcel and for your kind words.
I am sorry for the late reply: we spent the whole week moving house.
Your letter took nine days, but it did arrive in the end.
Please give my regards to your brother and his family.
We would like to know if the room on the second floor is still free.
I hope that you are well and that the garden is in bloom.
Do write and tell us how the physics exam went.
Enclosed you will find a copy of the contract and two photographs.
Unfortunately, we cannot come to dinner on Saturday.
Let us know in advance if your address changes.
Yours sincerely, Walter Higgins, Head of Accounts.
The children have grown so much since your last visit.
I keep your postcard with the lighthouse on my desk.
Kindly confirm that you have received this message.
We look forward to seeing you at the opening of the exhibition.
Has anyone heard from Xavier since he moved to Quebec?
With best wishes from all of us at number 17.
It was good to hear your voice after such a long time.
Grandma asks whether you still play the violin.
Perhaps we could meet halfway, say, at the old mill?
Read these instructions carefully before you begin.
Pour in boiling water, cover with a lid and wait five minutes.
Do not clean the case with hot water or a stiff brush.
Fit all four screws loosely before you tighten any of them.
Store the powder in a dry place, out of reach of children.
Mix the flour, the egg and a pinch of salt, then add the milk.
Take one tablet twice a day after meals.
Step 3: join the wires that have the same colour.
Remove the batteries if you do not use the device for a long time.
Shake the bottle well before use.
Press the red button and hold it down for three seconds.
Replace the filter at least once every six months.
Make sure that the door is shut, then turn the key.
Bake for 35 minutes at 180 degrees, or until golden brown.
Nails and hinges are included, but the hammer is not.
Sand the edges lightly and wipe off the dust.
Use only the adapter that was supplied with the unit.
Never leave the iron unattended while it is hot.
Fold along the dotted line and cut out the coupon.
Warning: the surface may be slippery when wet.
Please pay the invoice within five working days.
The discount of ten per cent is already included in the total.
Payment was returned because the account number was wrong.
The supplier will deliver the furniture no later than 15 May.
One third is due now, and the balance upon delivery.
All prices include tax and transport to your door.
The accounts office accepts documents until four o'clock.
Our registered address is printed on the last page.
The amount in words is twelve thousand four hundred euros.
Both parties have signed the report and have no further claims.
Electricity use rose by eight per cent compared with June.
You may settle the bill at the post office or at any bank.
The customer asked for a delay, and the contractor agreed.
Late payments are charged at 2% per month.
Quote the order number in all your letters.
Snow fell overnight, and the paths had to be cleared by noon.
The neighbour's puppy chewed a slipper and hid under the sofa.
"Where are the keys?" asked Julia, and looked under the mat.
In the library you could hear nothing but pages and a clock.
Last autumn we picked mushrooms and dried them by the stove.
The choir meets in the main hall on Tuesdays and Thursdays.
Six lazy cats were dozing on the warm bonnet of the taxi.
Just a few extra minutes of sleep can make the whole day better.
KEEP THIS DOOR CLOSED AT ALL TIMES.
NO PARKING: GARAGE ENTRANCE IN CONSTANT USE.
PLEASE DO NOT FEED THE ZEBRAS, FOXES OR SQUIRRELS!
""".strip().splitlines()

MIXED = """
Роутер раздаёт Wi-Fi на две комнаты, а на кухне сигнал слабый.
Новый CPU греется до 78 °C, поэтому кулер пришлось заменить.
Подключите USB-кабель к порту Type-C и дождитесь звукового сигнала.
Пишите на support@example.com или звоните по будням с 9:00 до 18:00.
Отчёт лежит в файле report_2024.pdf, а таблица — в data.xlsx.
Код товара A1B2-77, партия № 315, срок годности до 01.09.2026.
Купон SALE-15 действует только в приложении «Мой магазин».
Счёт № 4821 от 12.03.2025 на сумму 1 250,00 EUR (€) оплачен полностью.
Клавиша Esc закрывает окно, а Ctrl+S сохраняет документ.
Статус заказа ORD-90417: «Передан в доставку».
В настройках выберите Settings, затем Display и снимите галочку.
Экран 15,6 дюйма, RAM 16 ГБ, SSD 512 ГБ, вес 1,7 кг.
Рейс SU-2140 вылетает в 06:35 из терминала D, выход 17.
Наш адрес: info@example.org, сайт: www.example.org/ru.
Фильм «Дом у реки» идёт в зале Red Hall с субтитрами.
Скачайте setup.exe, запустите его и нажмите кнопку Next.
Формат MP3 занимает меньше места, чем WAV, но звучит хуже.
Кабель HDMI входит в комплект, переходник VGA — нет.
Тариф Smart XL стоит 690 руб. в месяц, первый месяц — бесплатно.
На наклейке указано: Model ZX-450, сделано в Италии.
Кафе «Weekend» открыто с 10 до 23, кроме понедельника.
Сообщение «Disk full» означает, что на диске нет места.
Запишите PIN-код и PUK-код отдельно от SIM-карты.
Группа играет джаз и rock'n'roll по пятницам в баре «Якорь».
Видео снято в разрешении 4K, звук — стерео.
В чате написали: see you tomorrow, то есть «увидимся завтра».
Версия 2.10.3 исправляет ошибку E-104 при печати.
Пункт § 7 договора № 18/2025 изложен в редакции Rev. B.
Билет QR-7731-KL покажите на входе, распечатывать его не нужно.
Камера Full HD пишет видео на карту microSD до 128 ГБ.
На двери две таблички: «Открыто» и Closed, и обе висят сразу.
Папка Downloads занимает 48 ГБ: удалите старые архивы *.zip.
Менеджер Julia Brown говорит по-русски почти без акцента.
Слово weekend давно пишут и кириллицей: «уикенд».
Размер XXL закончился, остались только S и L.
Батарея Li-Ion на 5000 мА·ч держит заряд два дня.
Команда ping показывает 12 мс — это хороший результат.
Лекарство Vitamin D3 принимают по 1 капсуле в день.
Резюме отправьте на адрес hr@example.net с темой «Инженер».
Поле e-mail обязательно, поле «Телефон» можно оставить пустым.
The word «объезд» on the sign means that the road is closed.
Ask for «квас» if you want a cold drink made from rye bread.
Our office in Казань answers calls from 9:00 to 18:00.
The label says «Хрупкое», so please handle the box with care.
Invoice № 731 was issued to ООО «Жёлтый лист» on 05.11.2024.
Send the form to Щукин Ю. А. at archive@example.com by Friday.
The menu lists борщ, пельмени and a salad with beets.
Press «Далее» twice, then «Готово», and the wizard will close.
The train Москва — Казань arrives at 21:14, platform 3.
Save the file as отчёт_май.docx, not as report.docx.
He wrote «спасибо» in Cyrillic and "thank you" right below it.
The error «Нет сети» appears when Wi-Fi is switched off.
Item 45-QX «Люкс» costs 2 490 руб., or about 25 € at today's rate.
The sticker «ЭКО» marks devices of energy class A++.
Room 214 is on the floor marked «2 этаж», next to the lift.
Her surname, Цой, has only three letters in Russian.
Type «привет» in the chat to start the bot, and /help for a list.
The package from Ёлкино weighs 3,4 kg and was sent on 28.12.2024.
«Вход» means entrance, «выход» means exit, and both doors are grey.
The GPS shows ул. Фрунзе, but the hotel is on ул. Шевченко.
Sign the line «Подпись» and put the date next to it (дд.мм.гггг).
Tea «Индийский» 100 g, sugar 1 kg, coffee Arabica 250 g.
Order K7-1029 ждёт вас в пункте выдачи до 20:00.
Bluetooth включается долгим нажатием, LED-индикатор мигает синим.
""".strip().splitlines()

# Labels, price lists and contacts: Russian abbreviations between codes, units and Latin names.
SHORT_MIXED = """
Кабель USB-C, {n} шт. по {price} руб.
Переходник HDMI — VGA, {n} шт.
Тел.: +7 (495) {phone}, доб. {n}
E-mail: sales@example.ru, тел. 8-800-{phone}
Сайт: www.example.com, e-mail: info@example.org
Диск SSD {n} ГБ, {n} шт. × {price} руб.
Wi-Fi роутер, {n} шт., гар. {n} мес.
Адрес: ул. Лесная, д. {n}, кв. {n}
г. Пермь, пр. Мира, д. {n}, корп. 2, оф. {n}
Инструкция в PDF, стр. {n}, рис. {n}
Температура от -{n} до +{n} °C, влажность {n} %
Хранить при {n} °C, вес {n} кг, код EAN-13
Word и Excel, Windows и Linux, macOS с Bluetooth
PDF в JPEG, MP3 в WAV, файл в ZIP
Фото в Photoshop и в Paint, стр. {n}
Мощн. {n} Вт, IP54, 220 В, 50 Гц
Лампа LED {n} Вт, цоколь E27, {n} шт.
Кухня {n} кв. м, коридор {n} кв. м, ТВ и Wi-Fi есть
Договор № {n}-ПР от {n}.05.2026, ИНН 77{phone}
Накладная № {n}, склад № {n}, ост. {n} шт.
Масло 5W-40, {n} л, арт. OX-{n}, {price} руб./шт.
См. https://example.com/help и раздел «Помощь»
Блок питания ATX {n} Вт, Intel и AMD, {n} уп.
Ёлка искусств., {n} см, чай «Ёжик», {n} уп.
Йод, {n} мл, 3 фл. по {price} руб.
Принтер HP LaserJet, картридж 12A, {n} стр./мин
GPS и Wi-Fi, корпус ABS, ок. {n} г
Болт M8, оц., {n} шт., гайка M8, {n} шт.
т. е. файл .docx, а не .pdf, и т. д.
НДС {n} %, ОКПО {phone}, КПП {n}01001
Экран OLED {n} Гц, разъём USB и HDMI
Чек № {n}, карта Visa *{n}, итого {price} р.
Доставка CDEK, Ozon или DHL: {price} руб.
Каб. {n}, эт. 3, вн. тел. {n}, факс {phone}
SIM-карта, PIN-код {n}, SMS на № {n}
Смеситель хром., Grohe, дл. {n} мм, {n} шт.
Пром. клапан DN {n}, PN {n}, ст. 20
ГОСТ 10704, труба ст., {n} м, ООО «Ёмкость»
""".strip().splitlines()

# Cut out of a screen or a form.
CUTTINGS = """
Итого Всего Hello ФИО Да Нет OK Меню Settings Выход Оплата Сумма Код Цена Total Delete Щит Ёж Файл Правка Name
""".split()


@dataclass(frozen=True)
class TradeWords:
    """What invoices, price lists and receipts in one language and currency say."""

    invoice: str
    price_list: str
    code: str
    item: str
    quantity: str
    price: str
    amount: str
    currency: str
    thousands: str
    decimal_point: str
    date_format: str
    receipt: str
    cashier: str
    subtotal: str
    discount: str
    total: str
    tax: str
    tax_percent: int
    paid: str
    goodbyes: tuple[str, ...]
    cashiers: tuple[str, ...]
    shops: tuple[tuple[str, str], ...]
    goods: tuple[str, ...]


ROUBLES = TradeWords(
    invoice="Счёт № {number} от {date}",
    price_list="Прайс-лист № {number}, действует с {date}",
    code="Код",
    item="Наименование",
    quantity="Кол-во",
    price="Цена",
    amount="Сумма",
    currency="руб.",
    thousands=" ",
    decimal_point=",",
    date_format="%d.%m.%Y",
    receipt="Кассовый чек № {number}",
    cashier="Кассир:",
    subtotal="Подытог",
    discount="Скидка 5%",
    total="ИТОГО",
    tax="В том числе НДС {percent}%",
    tax_percent=20,
    paid="Картой Visa",
    goodbyes=("Спасибо за покупку!", "Ждём вас снова!", "Сохраняйте чек до обмена"),
    cashiers=("Щукина Е. Ю.", "Фёдоров И. Г.", "Цветкова А. Э.", "Жданов К. Х."),
    shops=(
        ("ООО «Берёзка»", "г. Тверь, ул. Садовая, д. 14"),
        ("Магазин «Щедрый двор»", "г. Казань, пр. Мира, д. 8/2"),
        ("Супермаркет «Эхо»", "г. Пермь, ул. Южная, д. 31"),
        ("Лавка «У Фёдора»", "г. Псков, Рыночная пл., д. 5"),
    ),
    goods=(
        "Хлеб ржаной", "Молоко 3,2% 1 л", "Сыр «Российский»", "Яйцо куриное 10 шт.", "Гречка 800 г", "Чай Earl Grey",
        "Кофе Arabica 250 г", "Щётка зубная", "Мыло жидкое", "Батарейки AA 4 шт.", "Лампа LED 9 Вт", "Кабель USB-C 2 м",
        "Флешка USB 64 ГБ", "Мышь беспроводная", "Бумага A4 500 л.", "Тетрадь 48 л.", "Скотч 50 м", "Шампунь 400 мл",
        "Йогурт Vita 125 г", "Сок яблочный 1 л", "Роутер Wi-Fi AX30", "Кабель HDMI 1,5 м", "Огурцы свежие, кг",
        "Цветок в горшке", "Пакет-майка", "Эклер с кремом", "Зарядка 20 Вт Type-C", "Карта microSD 128 ГБ",
    ),
)  # fmt: skip

EUROS = TradeWords(
    invoice="Invoice No. {number} of {date}",
    price_list="Price list No. {number}, valid from {date}",
    code="Code",
    item="Item",
    quantity="Qty",
    price="Price",
    amount="Amount",
    currency="€",
    thousands=",",
    decimal_point=".",
    date_format="%d/%m/%Y",
    receipt="Receipt No. {number}",
    cashier="Cashier:",
    subtotal="Subtotal",
    discount="Discount 5%",
    total="TOTAL",
    tax="Includes VAT {percent}%",
    tax_percent=19,
    paid="Paid by card",
    goodbyes=("Thank you! Спасибо!", "See you soon!", "Please keep your receipt"),
    cashiers=("Julia B.", "Oleg Ж.", "Xenia W.", "Mr Quinn"),
    shops=(
        ("GREEN FOX MARKET", "Harbour Street 12, Riga"),
        ("Kalinka Deli «Калинка»", "Old Mill Lane 7, Berlin"),
        ("QuickByte Electronics", "Station Square 3, Vienna"),
        ("The Paper Yard", "Zeppelin Road 48, Dublin"),
    ),
    goods=(
        "Rye bread", "Whole milk 1 l", "Goat cheese 150 g", "Free-range eggs x10", "Black tea Earl Grey",
        "Coffee beans 500 g", "Toothbrush", "Liquid soap", "AA batteries x4", "LED bulb 9 W", "USB-C cable 2 m",
        "USB stick 64 GB", "Wireless mouse", "A4 paper 500 sh.", "Notebook, lined", "Sticky tape", "Shampoo 400 ml",
        "Apple juice 1 l", "Wi-Fi router AX30", "HDMI cable 1.5 m", "Kefir «Кефир» 1 l", "Buckwheat «Гречка»",
        "Flower pot", "Paper bag", "Chocolate eclair", "Charger 20 W Type-C", "microSD card 128 GB", "Honey «Мёд» 300 g",
    ),
)  # fmt: skip
